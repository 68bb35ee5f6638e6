/** Runs over program date-times that leap while the media goes on: their length is that of the media, each edge has its own clock. */

import { describe, expect, test } from 'vitest'

import {
  at,
  isoAt,
  PROGRESS,
  replay,
  segment,
  type SegmentDetections,
  span,
  STARTED,
} from '../../testing/monitor-scenario.ts'
import type { MonitorObservation } from './observation.ts'
import { extendTimeline, toStreamMs } from './media-timeline.ts'

const WHOLE = { black: [span(0, 2)] }

/** Returns a segment of 2 s that follows the one before it, though its date-time is later by `leapSec`. */
function leaping(index: number, leapSec: number, seen: SegmentDetections): MonitorObservation {
  const observed = segment(index * 2, 2, seen)
  if (observed.kind !== 'segment') return observed
  return { ...observed, segment: { ...observed.segment, startMs: at(index * 2 + leapSec), isContinuous: true } }
}

describe.each([
  ['back', -3600],
  ['back by less than the run', -3],
  ['forward', 3600],
])('where date-times leap %s', (_, leapSec) => {
  test('black has the length of its media, and each edge its own time', () => {
    const seen = [{}, { black: [span(1, 2)] }, WHOLE, WHOLE, WHOLE, { black: [span(0, 0.5)] }, {}]
    const { events } = replay(
      seen.map((each, index) => leaping(index, index >= 3 ? leapSec : 0, each)),
      { from: STARTED },
    )
    expect(events).toMatchObject([
      { event_type: 'alert.blackout', timestamp: isoAt(8), data: { duration_sec: 5, started_at: isoAt(3) } },
      {
        event_type: 'alert.blackout_recovered',
        data: { total_duration_sec: 7.5, started_at: isoAt(3), recovered_at: isoAt(10.5 + leapSec) },
      },
    ])
  })

  test('what began before the leap, and is found after it, has the time of its beginning', () => {
    const seen = [{}, {}, {}, { black: [span(-2.5, 2)] }, WHOLE, {}]
    const { events } = replay(
      seen.map((each, index) => leaping(index, index >= 2 ? leapSec : 0, each)),
      { from: STARTED },
    )
    expect(events).toMatchObject([
      { event_type: 'alert.blackout', data: { duration_sec: 6.5, started_at: isoAt(3.5) } },
      { data: { total_duration_sec: 6.5, recovered_at: isoAt(10 + leapSec) } },
    ])
  })
})

test('media that was not analyzed ends what is known of where the media lies', () => {
  const skipped = { kind: 'skipped', atMs: at(4), progress: PROGRESS, count: 1 } as const
  const { state } = replay([leaping(0, 0, {}), leaping(1, 0, {}), skipped], { from: STARTED })
  expect(state.timelines.both).toEqual([])
})

test('a timeline keeps what lies within half a minute, in one stretch where its times do not leap', () => {
  let timeline = extendTimeline([], { startMs: at(0), durationSec: 2 })
  for (let sec = 2; sec < 20; sec += 2) timeline = extendTimeline(timeline, { startMs: at(sec), durationSec: 2 })
  expect(timeline).toEqual([{ startMs: at(0), durationSec: 20 }])
  timeline = extendTimeline(timeline, { startMs: at(100), durationSec: 2 })
  expect([-1, -3, -25].map((sec) => toStreamMs({ startMs: at(102), durationSec: 2 }, sec, timeline))).toEqual([
    at(101),
    at(19),
    at(-3),
  ])
  for (let sec = 102; sec < 200; sec += 2) timeline = extendTimeline(timeline, { startMs: at(sec), durationSec: 2 })
  expect(timeline).toHaveLength(1)
  expect(timeline[0]?.durationSec).toBeLessThanOrEqual(32)
  for (let leap = 0; leap < 20; leap++)
    timeline = extendTimeline(timeline, { startMs: at(1000 * leap), durationSec: 1 })
  expect(timeline.length).toBeLessThanOrEqual(8)
})
