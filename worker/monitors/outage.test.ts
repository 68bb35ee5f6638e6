import { expect, test } from 'vitest'

import { at, isoAt, live, PLACE, playlist, segment, STARTED, tell, typesOf } from '../testing/story.ts'
import type { Observation } from './state.ts'

const tick = (sec: number): Observation => ({ kind: 'tick', atMs: at(sec) })
const manifestFailed = (sec: number, beganSec = sec): Observation => ({
  kind: 'playlist_failed',
  atMs: at(sec),
  beganMs: at(beganSec),
  sides: 'both',
  error: 'HTTP 500',
})
const segmentFailed = (sec: number, beganSec = sec): Observation => ({
  kind: 'segment_failed',
  atMs: at(sec),
  beganMs: at(beganSec),
  place: PLACE,
  error: 'cut short',
})

test('failures of a rendition that is watched no more are forgotten', () => {
  const renditions = [{ url: 'http://127.0.0.1/p.m3u8', sides: 'picture', lines: 240 }] as const
  const told = tell([manifestFailed(1), live(at(2), { renditions })], { from: STARTED })

  expect(told.state.outages).toEqual([])
})

test('failures for a minute are one alert an outage', () => {
  const outage = [0, 30, 59, 60, 90].map((sec) => manifestFailed(sec))
  const told = tell([...outage, playlist(at(91), at(90)), ...[92, 120, 152].map((sec) => manifestFailed(sec))], {
    from: STARTED,
  })

  const data = { error: 'HTTP 500', duration_sec: 60, failing: 'manifest' }
  expect(told.events).toEqual([
    { event_type: 'alert.segment_error', timestamp: isoAt(60), data },
    { event_type: 'alert.segment_error', timestamp: isoAt(152), data },
  ])
})

test('segments that fail while the playlist is fine are an outage of their own', () => {
  const observations = [0, 30, 61].flatMap((sec) => [segmentFailed(sec), playlist(at(sec), at(sec))])
  const told = tell(observations, { from: STARTED })

  expect(told.events).toMatchObject([{ data: { error: 'cut short', duration_sec: 61, failing: 'segment' } }])
  expect(tell([segment(62, 2)], { from: told.state }).state.outages).toEqual([])
})

test('a failure counts from the start of the try', () => {
  const told = tell([segmentFailed(30, 0), segmentFailed(60, 31)], { from: STARTED })

  expect(told.events).toMatchObject([{ timestamp: isoAt(60), data: { duration_sec: 60 } }])
})

test('an outage is told after a minute though nothing else is heard of meanwhile', () => {
  const trying: Observation = { kind: 'try_failed', atMs: at(31), beganMs: at(1), sides: 'both', error: 'timed out' }
  const told = tell([trying, tick(60), tick(61), tick(62)], { from: STARTED })

  expect(told.events).toMatchObject([
    { timestamp: isoAt(61), data: { error: 'timed out', duration_sec: 60, failing: 'segment' } },
  ])
  expect(told.state.statistics.segments_failed).toBe(0)
})

test('two lost segments with nothing tried between are two outages', () => {
  const between = Array.from({ length: 60 }, (_, index) => tick(index * 10))
  const lost = [segmentFailed(2), ...between, segmentFailed(602), tick(610)]

  expect(tell(lost, { from: STARTED }).events).toEqual([])
})

test('where only the newest segment is looked at now and then, failures still add up', () => {
  const config = { coverage: 'latest', check_interval_sec: 60 } as const

  expect(typesOf(tell([segmentFailed(0), segmentFailed(60)], { from: STARTED, config }))).toEqual([
    'alert.segment_error',
  ])
})

test('segments that failed before a stand of the stream say nothing of those after it', () => {
  const stood = [
    segmentFailed(0),
    playlist(at(20), null),
    segmentFailed(25),
    playlist(at(40), at(40)),
    segmentFailed(62),
  ]

  expect(typesOf(tell(stood, { from: STARTED }))).toEqual(['stream.suspended', 'stream.resumed'])
})

test('one outage of everything is one alert', () => {
  const observations = [0, 30, 61, 62].flatMap((sec) => [manifestFailed(sec), segmentFailed(sec)])

  expect(typesOf(tell(observations, { from: STARTED }))).toEqual(['alert.segment_error'])
})

test('failures before the stream is live are nothing to tell of', () => {
  expect(tell([live(at(0)), manifestFailed(1), manifestFailed(99)]).events).toEqual([])
})
