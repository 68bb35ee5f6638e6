import { expect, test } from 'vitest'

import {
  at,
  eventTypes,
  isoAt,
  live,
  PROGRESS,
  replay,
  segment,
  span,
  STARTED,
} from '../../testing/monitor-scenario.ts'
import type { MonitorObservation } from './observation.ts'

const encrypted = (sec: number): MonitorObservation => ({
  kind: 'encrypted',
  atMs: at(sec),
  progress: PROGRESS,
  method: 'SAMPLE-AES',
})

test('DRM degrades the monitor once, and the first unencrypted segment restores it', () => {
  const result = replay([encrypted(1), encrypted(3)], { from: STARTED })

  expect(result.events).toMatchObject([{ event_type: 'monitor.degraded', data: { cause: 'encrypted' } }])
  expect(result.state.health).toEqual({ video: 'encrypted', audio: 'encrypted', last_check_at: isoAt(3) })
  expect(result.state.statistics).toMatchObject({ segments_skipped: 2, segments_failed: 0 })
  expect(eventTypes(replay([segment(4, 2)], { from: result.state }))).toEqual(['monitor.restored'])
})

test('an encrypted picture beside clear sound degrades the monitor once, and the sound is judged', () => {
  const picture = { ...encrypted(1), progress: { ...PROGRESS, tracks: 'picture' } } as MonitorObservation
  const heard = segment(0, 2, { silent: [span(0, 2)] })
  if (heard.kind !== 'segment') throw new Error('segment() makes segments')
  const sound: MonitorObservation = {
    ...heard,
    progress: { ...PROGRESS, tracks: 'sound' },
    findings: { ...heard.findings, picture: null },
  }
  const result = replay([picture, sound, picture, sound, picture, sound], { from: STARTED })

  expect(eventTypes(result)).toEqual(['monitor.degraded', 'alert.silence'])
  expect(result.state.health).toMatchObject({ video: 'encrypted', audio: 'silent' })
  const merged: MonitorObservation = { kind: 'renditions', atMs: at(9), tracks: ['both'], problem: null }
  expect(eventTypes(replay([merged, segment(8, 2)], { from: result.state }))).toContain('monitor.restored')
  const heardOnly: MonitorObservation = { ...merged, tracks: ['sound'] }
  expect(eventTypes(replay([heardOnly], { from: result.state }))).toEqual(['monitor.restored'])
})

test('other renditions continue where the ones before were, and the best ones end the degradation', () => {
  const seen = replay([segment(0, 2)], { from: STARTED }).state
  const split: MonitorObservation = { kind: 'renditions', atMs: at(3), tracks: ['picture', 'sound'], problem: 'gone' }
  const away = replay([split, { ...split, atMs: at(4) }], { from: seen })

  expect(away.events).toMatchObject([
    { event_type: 'monitor.degraded', data: { cause: 'rendition_gone', message: 'gone' } },
  ])
  expect(away.state.positions).toEqual({ picture: PROGRESS.cursor, sound: PROGRESS.cursor })
  const back = replay([{ ...split, tracks: ['both'], problem: null, atMs: at(9) }], { from: away.state })
  expect(back.events).toMatchObject([
    { event_type: 'monitor.restored', data: { cause: 'rendition_gone', duration_sec: 6 } },
  ])
  expect(back.state.positions).toEqual({ both: PROGRESS.cursor })
})

test('a stream that is resolved to a backup from the start says so', () => {
  const renditions = [{ url: 'http://127.0.0.1/b.m3u8', tracks: 'both' }] as const
  expect(eventTypes(replay([live(at(0), { renditions, problem: 'HTTP 404' })]))).toEqual(['monitor.degraded'])
})
