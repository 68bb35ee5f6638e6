import * as v from 'valibot'
import { expect, test } from 'vitest'

import { at, isoAt, live, playlist, segment, span, START_MS, STARTED, tell, typesOf } from '../testing/story.ts'
import { monitorReport } from './report.ts'
import { MonitorReport } from '../../shared/contract/monitors.ts'
import type { Resolution } from './snapshot.ts'
import { MonitorState, type Observation } from './state.ts'

function answer(sec: number, resolution: Resolution): Observation {
  return { kind: 'resolved', atMs: at(sec), resolution }
}
const PASSING: Resolution = { kind: 'passing', message: 'timed out' }
const BLOCKED: Resolution = { kind: 'blocked', cause: 'bot_check', message: 'Sign in' }
const upcoming = (releaseAtMs: number | null): Resolution => ({ kind: 'upcoming', releaseAtMs, title: 'Soon' })
const tick = (sec: number): Observation => ({ kind: 'tick', atMs: at(sec) })
const manifestFailed = (sec: number, beganSec = sec): Observation => ({
  kind: 'playlist_failed',
  atMs: at(sec),
  beganMs: at(beganSec),
  sides: 'both',
  error: 'HTTP 500',
})

test('a stream has started once it is live and has a segment', () => {
  const found = [live(START_MS, { title: 'News' }), playlist(at(1), null)]
  expect(tell(found).state.phase.kind).toBe('initializing')

  const told = tell([...found, playlist(at(2), at(0.5)), playlist(at(3), at(2)), live(at(4)), playlist(at(5), at(4))])
  expect(told.events).toEqual([
    {
      event_type: 'stream.started',
      timestamp: isoAt(2),
      data: { title: 'News', started_at: isoAt(0.5), source: 'direct' },
    },
  ])
  expect(told.state.phase.kind).toBe('monitoring')
})

test('a page that says live is believed before a segment was seen, and is an alert if none can be had', () => {
  const found = [live(at(0), { title: 'News', by: 'yt-dlp' }), live(at(1), { by: 'yt-dlp' })]
  const told = tell([...found, ...[1, 20, 40, 61].map((sec) => manifestFailed(sec))])

  expect(told.events).toEqual([
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
  expect(typesOf(tell([...found, playlist(at(2), at(1)), segment(1, 2)]))).toEqual(['stream.started'])
})

test('a state that went through a report and back goes on where it was', () => {
  const black = segment(0, 6, { black: [span(0, 6)] })
  const before = tell([black], { from: STARTED })
  const report = monitorReport({ epoch: 1, seq: 1 }, before.state, before.events)
  expect(v.is(MonitorReport, report)).toBe(true)
  const resumed = v.parse(MonitorState, JSON.parse(JSON.stringify(report.resume)))

  const observations = [live(at(9)), playlist(at(9), at(6)), segment(6, 6, { black: [span(0, 2)] })]
  const told = tell(observations, { from: resumed })
  expect(told.events).toMatchObject([
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 8, started_at: isoAt(0) } },
  ])
})

test('an upcoming stream is waited for, and late once it is past its tolerance', () => {
  const config = { scheduled_start_time: isoAt(100), start_delay_tolerance_sec: 60 }
  const early = [answer(0, upcoming(at(500))), tick(159), tick(160)]
  expect(tell(early, { config }).state).toMatchObject({ phase: { kind: 'waiting' }, title: 'Soon' })
  expect(tell(early, { config }).events).toEqual([])

  const told = tell([...early, tick(161), tick(170), answer(200, upcoming(at(500)))], { config })
  expect(told.events).toEqual([
    {
      event_type: 'stream.delayed',
      timestamp: isoAt(161),
      data: { scheduled_start_time: isoAt(100), delay_sec: 61, tolerance_sec: 60 },
    },
  ])
})

test('where the user gave no start, the one that the site announces counts', () => {
  const told = tell([answer(0, upcoming(at(50))), answer(30, upcoming(null)), tick(351)])

  expect(told.events).toMatchObject([{ event_type: 'stream.delayed', data: { scheduled_start_time: isoAt(50) } }])
})

test('a stream is late though the resolver fails, and never once it has begun', () => {
  const config = { scheduled_start_time: isoAt(0) }
  expect(typesOf(tell([answer(400, PASSING)], { config }))).toEqual(['stream.delayed'])
  expect(typesOf(tell([live(at(400)), playlist(at(400), at(399)), tick(401)], { config }))).toEqual(['stream.started'])
})

test('what is over or never was live is completed, whether it had begun or not', () => {
  const over = answer(10, { kind: 'ended', reason: 'was_live' })
  const expected = [{ event_type: 'stream.ended', timestamp: isoAt(10), data: { reason: 'was_live' } }]

  expect(tell([over]).events).toEqual(expected)
  expect(tell([over], { from: STARTED }).events).toEqual(expected)
  expect(tell([over]).state.phase.kind).toBe('completed')
})

test('at the end an open alert is closed before it, and a short run is forgotten', () => {
  const seen = segment(0, 6, { black: [span(0, 6)], silent: [span(4, 6)] })
  const told = tell([seen, { kind: 'stream_over', atMs: at(7) }], { from: STARTED })

  expect(told.events.slice(1)).toEqual([
    {
      event_type: 'alert.blackout_recovered',
      timestamp: isoAt(7),
      data: { total_duration_sec: 6, started_at: isoAt(0), recovered_at: isoAt(6) },
    },
    { event_type: 'stream.ended', timestamp: isoAt(7), data: { reason: 'endlist_detected' } },
  ])
})

test('nothing that comes after the end changes it', () => {
  const { state } = tell([{ kind: 'stream_over', atMs: at(1) }], { from: STARTED })
  const late = [live(at(2)), playlist(at(3), at(2)), segment(2, 2), answer(4, BLOCKED), manifestFailed(5), tick(6)]

  expect(tell(late, { from: state })).toEqual({ state, events: [] })
})

test('a playlist that is being watched tells of its ENDLIST itself; one that never was is an archive', () => {
  const source = { renditions: [], title: null, by: 'direct', expiresAtMs: null } as const
  const over = answer(20, { kind: 'ended', reason: 'endlist_detected', source })

  expect(tell([over], { from: STARTED }).events).toEqual([])
  expect(typesOf(tell([over]))).toEqual(['stream.ended'])
})

test('a stream that is gone is an error that names why', () => {
  const told = tell([answer(1, { kind: 'gone', reason: 'private', message: 'Private video' })], { from: STARTED })

  expect(told.state.phase.kind).toBe('error')
  expect(told.events).toEqual([
    { event_type: 'monitor.error', timestamp: isoAt(1), data: { reason: 'private', message: 'Private video' } },
  ])
})

test('being kept out by the site is told once, and again when it is over; what is being watched goes on', () => {
  const kept = [answer(1, BLOCKED), answer(6, { ...BLOCKED, cause: 'captcha' }), answer(16, PASSING)]
  const told = tell([...kept, segment(0, 2), live(at(31)), live(at(40))], { from: STARTED })

  expect(told.events).toEqual([
    { event_type: 'monitor.degraded', timestamp: isoAt(1), data: { cause: 'bot_check', message: 'Sign in' } },
    { event_type: 'monitor.restored', timestamp: isoAt(31), data: { cause: 'bot_check', duration_sec: 30 } },
  ])
  expect(told.state.statistics.total_segments_analyzed).toBe(1)
})

test('passing trouble and a stream that is upcoming again change nothing of one that has begun', () => {
  const told = tell([answer(1, PASSING), answer(2, upcoming(at(99)))], { from: STARTED })

  expect(told).toEqual({ state: STARTED, events: [] })
})

test('what a site says is told in part where it is very long, without half a character', () => {
  const message = `${'x'.repeat(499)}\u{1F4FA}${'y'.repeat(60_000)}`
  const told = tell([live(START_MS, { title: message }), answer(1, { kind: 'gone', reason: 'removed', message })])

  expect(told.state.title).toBe('x'.repeat(499))
  expect(told.events[0]?.data['message']).toBe('x'.repeat(499))
})

test('what a site says is told without control characters and without half characters', () => {
  const text = 'a\u0000b\n\tc\uD83Dd\uDE00'
  const told = tell([live(START_MS, { title: text }), answer(1, { kind: 'gone', reason: 'removed', message: text })])

  expect(told.state.title).toBe('a b c\uFFFDd\uFFFD')
  expect(told.events[0]?.data['message']).toBe('a b c\uFFFDd\uFFFD')
})

test('the state stays below 8 KB', () => {
  const seen = Array.from({ length: 20 }, (_, index) => ({
    sequence: 1_000_000_000 + index,
    path: 'x'.repeat(22),
    name: 'x'.repeat(22),
    timeMs: START_MS,
  }))
  const sides = ['both', 'picture', 'sound'] as const
  const observations = sides.map((side): Observation => ({
    kind: 'skipped',
    atMs: at(1),
    place: { sides: side, position: { seen, first: 1_000_000_000 } },
    count: 1,
  }))
  const told = tell([segment(0, 2, { black: [span(0, 2)], silent: 'absent' }), ...observations], { from: STARTED })

  expect(JSON.stringify(told.state).length).toBeLessThan(8192)
})
