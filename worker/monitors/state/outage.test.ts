import { expect, test } from 'vitest'

import {
  at,
  isoAt,
  live,
  PROGRESS,
  playlist,
  segment,
  STARTED,
  replay,
  eventTypes,
} from '../../testing/monitor-scenario.ts'
import type { MonitorObservation } from './observation.ts'

const tick = (sec: number): MonitorObservation => ({ kind: 'tick', atMs: at(sec) })
const manifestFailed = (sec: number, beganSec = sec): MonitorObservation => ({
  kind: 'playlist_failed',
  atMs: at(sec),
  beganMs: at(beganSec),
  tracks: 'both',
  error: 'HTTP 500',
})
const segmentFailed = (sec: number, beganSec = sec): MonitorObservation => ({
  kind: 'segment_failed',
  atMs: at(sec),
  beganMs: at(beganSec),
  progress: PROGRESS,
  error: 'cut short',
})

test('the outages of a rendition end when it is no longer monitored', () => {
  const renditions = [{ url: 'http://127.0.0.1/p.m3u8', tracks: 'picture', lines: 240 }] as const
  const result = replay([manifestFailed(1), live(at(2), { renditions })], { from: STARTED })

  expect(result.state.outages).toEqual([])
})

test('an outage of a minute raises one alert', () => {
  const outage = [0, 30, 59, 60, 90].map((sec) => manifestFailed(sec))
  const result = replay([...outage, playlist(at(91), at(90)), ...[92, 120, 152].map((sec) => manifestFailed(sec))], {
    from: STARTED,
  })

  const data = { error: 'HTTP 500', duration_sec: 60, failing: 'manifest' }
  expect(result.events).toEqual([
    { event_type: 'alert.segment_error', timestamp: isoAt(60), data },
    { event_type: 'alert.segment_error', timestamp: isoAt(152), data },
  ])
})

test('failing segments are an outage even while the playlist can be fetched', () => {
  const observations = [0, 30, 61].flatMap((sec) => [segmentFailed(sec), playlist(at(sec), at(sec))])
  const result = replay(observations, { from: STARTED })

  expect(result.events).toMatchObject([{ data: { error: 'cut short', duration_sec: 61, failing: 'segment' } }])
  expect(replay([segment(62, 2)], { from: result.state }).state.outages).toEqual([])
})

test('an outage begins at the start of the first failed attempt', () => {
  const result = replay([segmentFailed(30, 0), segmentFailed(60, 31)], { from: STARTED })

  expect(result.events).toMatchObject([{ timestamp: isoAt(60), data: { duration_sec: 60 } }])
})

test('an outage raises its alert after a minute without further observations', () => {
  const trying: MonitorObservation = {
    kind: 'attempt_failed',
    atMs: at(31),
    beganMs: at(1),
    tracks: 'both',
    error: 'timed out',
  }
  const result = replay([trying, tick(60), tick(61), tick(62)], { from: STARTED })

  expect(result.events).toMatchObject([
    { timestamp: isoAt(61), data: { error: 'timed out', duration_sec: 60, failing: 'segment' } },
  ])
  expect(result.state.statistics.segments_failed).toBe(0)
})

test('two failed segments without attempts in between are two outages', () => {
  const between = Array.from({ length: 60 }, (_, index) => tick(index * 10))
  const lost = [segmentFailed(2), ...between, segmentFailed(602), tick(610)]

  expect(replay(lost, { from: STARTED }).events).toEqual([])
})

test('with coverage latest, failures one check interval apart are one outage', () => {
  const config = { coverage: 'latest', check_interval_sec: 60 } as const

  expect(eventTypes(replay([segmentFailed(0), segmentFailed(60)], { from: STARTED, config }))).toEqual([
    'alert.segment_error',
  ])
})

test('a stall separates the segment failures before it from those after it', () => {
  const stood = [
    segmentFailed(0),
    playlist(at(20), null),
    segmentFailed(25),
    playlist(at(40), at(40)),
    segmentFailed(62),
  ]

  expect(eventTypes(replay(stood, { from: STARTED }))).toEqual(['stream.suspended', 'stream.resumed'])
})

test('an outage of playlist and segments raises one alert', () => {
  const observations = [0, 30, 61, 62].flatMap((sec) => [manifestFailed(sec), segmentFailed(sec)])

  expect(eventTypes(replay(observations, { from: STARTED }))).toEqual(['alert.segment_error'])
})

test('failures before the stream is live raise nothing', () => {
  expect(replay([live(at(0)), manifestFailed(1), manifestFailed(99)]).events).toEqual([])
})
