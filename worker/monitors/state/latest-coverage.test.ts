import { expect, test } from 'vitest'

import { at, eventTypes, isoAt, PROGRESS, replay, segment, span, STARTED } from '../../testing/monitor-scenario.ts'
import type { DetectionSpan } from '../analyze/findings.ts'
import type { MonitorObservation } from './observation.ts'

const config = { coverage: 'latest', check_interval_sec: 60, blackout_threshold_sec: 30 } as const
const WHOLE = span(0, 6)

/** Returns what a check every 60 s observes of a stream: the segments before the newest are left out. */
function checks(...black: readonly (readonly DetectionSpan[])[]): MonitorObservation[] {
  return black.flatMap((spans, index) => {
    const skipped: MonitorObservation = { kind: 'skipped', atMs: at(60 * index), progress: PROGRESS, count: 9 }
    return [skipped, segment(60 * index, 6, { black: spans })]
  })
}

test('segments between two that are black throughout count as black', () => {
  expect(replay(checks([WHOLE], [WHOLE], [WHOLE], []), { from: STARTED, config }).events).toMatchObject([
    { event_type: 'alert.blackout', timestamp: isoAt(66), data: { duration_sec: 66, started_at: isoAt(0) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 126, recovered_at: isoAt(180) } },
  ])
})

test('segments beside one that is not black throughout count for nothing', () => {
  for (const black of [
    [[span(3, 6)], [WHOLE]],
    [[WHOLE], [span(0, 3)]],
    [[WHOLE], [span(3, 6)], [WHOLE]],
    [[WHOLE], [], [WHOLE]],
  ]) {
    expect(eventTypes(replay(checks(...black), { from: STARTED, config }))).toEqual([])
  }
})

test('segments that failed, checks that were missed, and what full coverage left out count for nothing', () => {
  const [first, second] = [checks([WHOLE]), checks([WHOLE], [WHOLE]).slice(2)]
  const failed: MonitorObservation = {
    kind: 'segment_failed',
    atMs: at(30),
    beganMs: at(29),
    progress: PROGRESS,
    error: 'HTTP 404',
  }
  expect(eventTypes(replay([...first, failed, ...second], { from: STARTED, config }))).toEqual([])
  const late = checks([WHOLE], [], [], [WHOLE]).filter((_, index) => index < 2 || index > 5)
  expect(eventTypes(replay(late, { from: STARTED, config }))).toEqual([])
  const every = { ...config, coverage: 'every' } as const
  expect(eventTypes(replay([...first, ...second], { from: STARTED, config: every }))).toEqual([])
})
