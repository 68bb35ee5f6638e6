import { expect, test } from 'vitest'

import { at, eventTypes, isoAt, replay, STARTED } from '../../testing/monitor-scenario.ts'
import type { MonitorObservation } from './observation.ts'

const config = { track_threshold_sec: 10 }
const check = (sec: number, isMissing: boolean): MonitorObservation => ({ kind: 'captions', atMs: at(sec), isMissing })

test('captions that are missing for as long as the threshold raise one alert, and recover', () => {
  const checks = [check(0, true), check(8, true), check(10, true), check(20, true), check(22, false), check(30, false)]
  const result = replay(checks, { from: STARTED, config })

  expect(result.events).toEqual([
    {
      event_type: 'alert.track_missing',
      timestamp: isoAt(10),
      data: { duration_sec: 10, started_at: isoAt(0), threshold_sec: 10, track: 'captions' },
    },
    {
      event_type: 'alert.track_missing_recovered',
      timestamp: isoAt(22),
      data: { total_duration_sec: 22, started_at: isoAt(0), recovered_at: isoAt(22), track: 'captions' },
    },
  ])
  expect(result.state.statistics.track_missing_events).toBe(1)
})

test('captions that are back in time, or of a stream that has not started, raise nothing', () => {
  expect(replay([check(0, true), check(5, false), check(12, true)], { from: STARTED, config }).events).toEqual([])
  expect(replay([check(0, true), check(60, true)], { config }).events).toEqual([])
})

test('an open alert about captions recovers at the end of the stream', () => {
  const over: MonitorObservation = { kind: 'stream_over', atMs: at(20) }
  const result = replay([check(0, true), check(10, true), over], { from: STARTED, config })
  expect(eventTypes(result)).toEqual(['alert.track_missing', 'alert.track_missing_recovered', 'stream.ended'])
})
