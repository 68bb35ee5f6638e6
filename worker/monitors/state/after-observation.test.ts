import * as v from 'valibot'
import { expect, test } from 'vitest'

import {
  at,
  isoAt,
  live,
  playlist,
  segment,
  span,
  START_MS,
  STARTED,
  replay,
  eventTypes,
} from '../../testing/monitor-scenario.ts'
import { composeReport } from '../report.ts'
import { MonitorReport } from '../../../shared/contract/monitors.ts'
import type { StreamResolution } from '../stream.ts'
import { MonitorState } from './monitor-state.ts'
import type { MonitorObservation } from './observation.ts'

function answer(sec: number, resolution: StreamResolution): MonitorObservation {
  return { kind: 'resolved', atMs: at(sec), resolution }
}
const PASSING: StreamResolution = { kind: 'passing', message: 'timed out' }
const BLOCKED: StreamResolution = { kind: 'blocked', cause: 'bot_check', message: 'Sign in' }
const upcoming = (releaseAtMs: number | null): StreamResolution => ({ kind: 'upcoming', releaseAtMs, title: 'Soon' })
const tick = (sec: number): MonitorObservation => ({ kind: 'tick', atMs: at(sec) })
const manifestFailed = (sec: number, beganSec = sec): MonitorObservation => ({
  kind: 'playlist_failed',
  atMs: at(sec),
  beganMs: at(beganSec),
  tracks: 'both',
  error: 'HTTP 500',
})

test('a direct stream starts once it is live and has a segment', () => {
  const found = [live(START_MS, { title: 'News' }), playlist(at(1), null)]
  expect(replay(found).state.phase.kind).toBe('initializing')

  const result = replay([
    ...found,
    playlist(at(2), at(0.5)),
    playlist(at(3), at(2)),
    live(at(4)),
    playlist(at(5), at(4)),
  ])
  expect(result.events).toEqual([
    {
      event_type: 'stream.started',
      timestamp: isoAt(2),
      data: { title: 'News', started_at: isoAt(0.5), source: 'direct' },
    },
  ])
  expect(result.state.phase.kind).toBe('monitoring')
})

test('a live page starts the stream before its first segment, and raises an alert if no segment can be fetched', () => {
  const found = [live(at(0), { title: 'News', by: 'yt-dlp' }), live(at(1), { by: 'yt-dlp' })]
  const result = replay([...found, ...[1, 20, 40, 61].map((sec) => manifestFailed(sec))])

  expect(result.events).toEqual([
    {
      event_type: 'stream.started',
      timestamp: isoAt(0),
      data: { title: 'News', started_at: isoAt(0), source: 'yt-dlp' },
    },
    {
      event_type: 'alert.segment_error',
      timestamp: isoAt(61),
      data: { error: 'HTTP 500', duration_sec: 60, failing: 'manifest' },
    },
  ])
  expect(eventTypes(replay([...found, playlist(at(2), at(1)), segment(1, 2)]))).toEqual(['stream.started'])
})

test('a state restored from a report continues where it was', () => {
  const black = segment(0, 6, { black: [span(0, 6)] })
  const before = replay([black], { from: STARTED })
  const report = composeReport({ epoch: 1, seq: 1 }, before.state, before.events)
  expect(v.is(MonitorReport, report)).toBe(true)
  const resumed = v.parse(MonitorState, JSON.parse(JSON.stringify(report.resume)))

  const observations = [live(at(9)), playlist(at(9), at(6)), segment(6, 6, { black: [span(0, 2)] })]
  const result = replay(observations, { from: resumed })
  expect(result.events).toMatchObject([
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 8, started_at: isoAt(0) } },
  ])
})

test('an upcoming stream is waiting, and late once its tolerance has passed', () => {
  const config = { scheduled_start_time: isoAt(100), start_delay_tolerance_sec: 60 }
  const early = [answer(0, upcoming(at(500))), tick(159), tick(160)]
  expect(replay(early, { config }).state).toMatchObject({ phase: { kind: 'waiting' }, title: 'Soon' })
  expect(replay(early, { config }).events).toEqual([])

  const result = replay([...early, tick(161), tick(170), answer(200, upcoming(at(500)))], { config })
  expect(result.events).toEqual([
    {
      event_type: 'stream.delayed',
      timestamp: isoAt(161),
      data: { scheduled_start_time: isoAt(100), delay_sec: 61, tolerance_sec: 60 },
    },
  ])
})

test("without a scheduled start the site's start time applies", () => {
  const result = replay([answer(0, upcoming(at(50))), answer(30, upcoming(null)), tick(351)])

  expect(result.events).toMatchObject([{ event_type: 'stream.delayed', data: { scheduled_start_time: isoAt(50) } }])
})

test('a stream is late even while the resolver fails, and never after its start', () => {
  const config = { scheduled_start_time: isoAt(0) }
  expect(eventTypes(replay([answer(400, PASSING)], { config }))).toEqual(['stream.delayed'])
  expect(eventTypes(replay([live(at(400)), playlist(at(400), at(399)), tick(401)], { config }))).toEqual([
    'stream.started',
  ])
})

test('a stream that is over or was never live completes the monitor, started or not', () => {
  const over = answer(10, { kind: 'ended', reason: 'was_live' })
  const expected = [{ event_type: 'stream.ended', timestamp: isoAt(10), data: { reason: 'was_live' } }]

  expect(replay([over]).events).toEqual(expected)
  expect(replay([over], { from: STARTED }).events).toEqual(expected)
  expect(replay([over]).state.phase.kind).toBe('completed')
})

test('the end of the stream recovers open alerts first and drops short runs', () => {
  const seen = segment(0, 6, { black: [span(0, 6)], silent: [span(4, 6)] })
  const result = replay([seen, { kind: 'stream_over', atMs: at(7) }], { from: STARTED })

  expect(result.events.slice(1)).toEqual([
    {
      event_type: 'alert.blackout_recovered',
      timestamp: isoAt(7),
      data: { total_duration_sec: 6, started_at: isoAt(0), recovered_at: isoAt(6) },
    },
    { event_type: 'stream.ended', timestamp: isoAt(7), data: { reason: 'endlist_detected' } },
  ])
})

test('no observation changes a completed monitor', () => {
  const { state } = replay([{ kind: 'stream_over', atMs: at(1) }], { from: STARTED })
  const late = [live(at(2)), playlist(at(3), at(2)), segment(2, 2), answer(4, BLOCKED), manifestFailed(5), tick(6)]

  expect(replay(late, { from: state })).toEqual({ state, events: [] })
})

test("an ended playlist completes a monitor that never started; a started one waits for the playlist's last segments", () => {
  const source = { renditions: [], title: null, by: 'direct', expiresAtMs: null } as const
  const over = answer(20, { kind: 'ended', reason: 'endlist_detected', source })

  expect(replay([over], { from: STARTED }).events).toEqual([])
  expect(eventTypes(replay([over]))).toEqual(['stream.ended'])
})

test('a stream that is gone ends the monitor with an error and its reason', () => {
  const result = replay([answer(1, { kind: 'gone', reason: 'private', message: 'Private video' })], { from: STARTED })

  expect(result.state.phase.kind).toBe('error')
  expect(result.events).toEqual([
    { event_type: 'monitor.error', timestamp: isoAt(1), data: { reason: 'private', message: 'Private video' } },
  ])
})

test('a block by the site raises one degraded and one restored event, and monitoring continues', () => {
  const kept = [answer(1, BLOCKED), answer(6, { ...BLOCKED, cause: 'captcha' }), answer(16, PASSING)]
  const result = replay([...kept, segment(0, 2), live(at(31)), live(at(40))], { from: STARTED })

  expect(result.events).toEqual([
    { event_type: 'monitor.degraded', timestamp: isoAt(1), data: { cause: 'bot_check', message: 'Sign in' } },
    { event_type: 'monitor.restored', timestamp: isoAt(31), data: { cause: 'bot_check', duration_sec: 30 } },
  ])
  expect(result.state.statistics.total_segments_analyzed).toBe(1)
})

test('a transient failure or an upcoming answer does not change a started stream', () => {
  const result = replay([answer(1, PASSING), answer(2, upcoming(at(99)))], { from: STARTED })

  expect(result).toEqual({ state: STARTED, events: [] })
})

test("a site's long text is shortened without cutting a character in half", () => {
  const message = `${'x'.repeat(499)}\u{1F4FA}${'y'.repeat(60_000)}`
  const result = replay([live(START_MS, { title: message }), answer(1, { kind: 'gone', reason: 'removed', message })])

  expect(result.state.title).toBe('x'.repeat(499))
  expect(result.events[0]?.data['message']).toBe('x'.repeat(499))
})

test("a site's text loses control characters and lone surrogates", () => {
  const text = 'a\u0000b\n\tc\uD83Dd\uDE00'
  const result = replay([
    live(START_MS, { title: text }),
    answer(1, { kind: 'gone', reason: 'removed', message: text }),
  ])

  expect(result.state.title).toBe('a b c\uFFFDd\uFFFD')
  expect(result.events[0]?.data['message']).toBe('a b c\uFFFDd\uFFFD')
})

test('the state stays below 8 KB', () => {
  const seen = Array.from({ length: 20 }, (_, index) => ({
    sequence: 1_000_000_000 + index,
    path: 'x'.repeat(22),
    name: 'x'.repeat(22),
    timeMs: START_MS,
  }))
  const sides = ['both', 'picture', 'sound'] as const
  const observations = sides.map((side): MonitorObservation => ({
    kind: 'skipped',
    atMs: at(1),
    progress: { tracks: side, cursor: { seen, first: 1_000_000_000 } },
    count: 1,
  }))
  const result = replay([segment(0, 2, { black: [span(0, 2)], silent: 'absent' }), ...observations], { from: STARTED })

  expect(JSON.stringify(result.state).length).toBeLessThan(8192)
})
