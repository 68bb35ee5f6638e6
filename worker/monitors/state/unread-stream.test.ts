import { expect, test } from 'vitest'

import { at, eventTypes, isoAt, live, playlist, replay } from '../../testing/monitor-scenario.ts'
import type { StreamResolution } from '../stream.ts'
import type { MonitorObservation } from './observation.ts'

const HTML = 'the answer is HTML or XML, not a playlist'
const unreadable = (sec: number): MonitorObservation => ({
  kind: 'resolved',
  atMs: at(sec),
  resolution: { kind: 'passing', message: `playlist: ${HTML}`, problem: HTML },
})
const missing = (sec: number): MonitorObservation => ({
  kind: 'resolved',
  atMs: at(sec),
  resolution: { kind: 'upcoming', releaseAtMs: null, title: null, problem: 'HTTP 404' },
})
const tick = (sec: number): MonitorObservation => ({ kind: 'tick', atMs: at(sec) })

test('a stream of which no segment was ever seen raises one alert after a minute, with what is wrong', () => {
  const result = replay([unreadable(0), unreadable(30), tick(59), tick(60), unreadable(90), tick(200)])

  expect(result.events).toEqual([
    {
      event_type: 'alert.segment_error',
      timestamp: isoAt(60),
      data: { error: HTML, duration_sec: 60, failing: 'manifest' },
    },
  ])
})

test('a playlist that is missing, empty or fails after the resolver found it is what is wrong too', () => {
  const failed: MonitorObservation = {
    kind: 'playlist_failed',
    atMs: at(1),
    beganMs: at(0),
    tracks: 'both',
    error: 'no',
  }
  for (const first of [missing(0), playlist(at(0), null), failed]) {
    expect(eventTypes(replay([live(at(0)), first, tick(61)]))).toEqual(['alert.segment_error'])
  }
})

test('a stream that starts in time raises nothing', () => {
  expect(eventTypes(replay([missing(0), live(at(50)), playlist(at(51), at(50)), tick(61)]))).toEqual(['stream.started'])
})

test('a stream with a scheduled start raises the alert only a minute after it is late', () => {
  const config = { scheduled_start_time: isoAt(100), start_delay_tolerance_sec: 60 }
  expect(eventTypes(replay([missing(0), tick(150)], { config }))).toEqual([])
  expect(eventTypes(replay([missing(0), tick(161), tick(219), tick(220)], { config }))).toEqual([
    'stream.delayed',
    'alert.segment_error',
  ])
})

test('a page that says itself that its stream is to come raises nothing', () => {
  const upcoming: MonitorObservation = {
    kind: 'resolved',
    atMs: at(0),
    resolution: { kind: 'upcoming', releaseAtMs: null, title: 'Soon' },
  }
  expect(replay([upcoming, tick(1000)]).events).toEqual([])
})

test.each<[string, StreamResolution]>([
  ['is to come', { kind: 'upcoming', releaseAtMs: null, title: 'Soon' }],
  ['is not shown to us', { kind: 'blocked', cause: 'bot_check', message: 'Sign in' }],
])('a page that could not be read once, and then says that its stream %s, raises nothing', (_, resolution) => {
  const { events } = replay([unreadable(0), { kind: 'resolved', atMs: at(5), resolution }, tick(1000)])
  expect(events.filter(({ event_type }) => event_type === 'alert.segment_error')).toEqual([])
  expect(eventTypes(replay([unreadable(0), tick(61), unreadable(70), tick(200)]))).toEqual(['alert.segment_error'])
})
