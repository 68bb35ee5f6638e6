import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  at,
  isoAt,
  PROGRESS,
  playlist,
  segment,
  span,
  STARTED,
  replay,
  eventTypes,
  type SegmentDetections,
} from '../../testing/monitor-scenario.ts'
import type { DetectionSpan } from '../analyze/findings.ts'
import type { MonitorObservation } from './observation.ts'

/** Replays segments of 2 s, in sequence from the scenario's start. */
function replaySegments(...segments: readonly SegmentDetections[]) {
  return replay(
    segments.map((seen, index) => segment(index * 2, 2, seen)),
    { from: STARTED },
  )
}
const WHOLE = { black: [span(0, 2)] }

test('black across segments raises one alert at its threshold and recovers with its total duration', () => {
  const result = replaySegments({ black: [span(1.5, 2)] }, WHOLE, WHOLE, WHOLE, { black: [span(0, 1.5)] }, {})

  expect(result.events).toEqual([
    {
      event_type: 'alert.blackout',
      timestamp: isoAt(8),
      data: { duration_sec: 6.5, started_at: isoAt(1.5), threshold_sec: 5, segment_info: { sequence: 3, duration: 2 } },
    },
    {
      event_type: 'alert.blackout_recovered',
      timestamp: isoAt(10),
      data: { total_duration_sec: 8, started_at: isoAt(1.5), recovered_at: isoAt(9.5) },
    },
  ])
  expect(result.state.statistics).toMatchObject({ total_segments_analyzed: 6, blackout_events: 1, silence_events: 0 })
})

test('a run shorter than its threshold raises nothing', () => {
  expect(replaySegments({ black: [span(0.5, 2)] }, WHOLE, { black: [span(0, 1)] }, {}).events).toEqual([])
})

test("a run that ends well before its segment's border does not continue in the next segment", () => {
  const result = replaySegments({ black: [span(0, 1.8)] }, WHOLE, WHOLE, {})

  expect(result.events).toEqual([])
  expect(result.state.runs).toEqual({})
})

test("a run that begins well after its segment's border does not continue the previous one", () => {
  expect(replaySegments(WHOLE, WHOLE, { black: [span(0.2, 2)] }, {}).events).toEqual([])
})

test('frames that the detector misses at segment borders count', () => {
  const short = { black: [span(0, 1.96)] }
  const result = replaySegments({ black: [span(1, 1.95)] }, short, short, { black: [span(0.05, 1)] }, {})

  expect(result.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5, started_at: isoAt(1) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 6, recovered_at: isoAt(7) } },
  ])
})

test('a run one frame short of the threshold raises an alert and is reported with the threshold', () => {
  const result = replaySegments(WHOLE, WHOLE, { black: [span(0, 0.97)] })

  expect(result.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5 } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 5 } },
  ])
})

test('a run within one long segment raises an alert and its recovery', () => {
  const result = replay([segment(0, 10, { black: [span(1, 3), span(3.5, 9)] })], { from: STARTED })

  expect(result.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5.5, started_at: isoAt(3.5) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 5.5, recovered_at: isoAt(9) } },
  ])
})

test('a span that begins in the previous segment starts the run there', () => {
  const result = replaySegments({}, { black: [span(-1.5, 2)] }, WHOLE, {})

  expect(result.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5.5, started_at: isoAt(0.5) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 5.5 } },
  ])
})

test('a span that begins in the previous segment replaces what was counted of that segment', () => {
  const result = replaySegments({ black: [span(1.2, 2)] }, { black: [span(-1.5, 2)] }, WHOLE, {})

  expect(result.events).toMatchObject([
    { data: { duration_sec: 5.5, started_at: isoAt(0.5) } },
    { data: { total_duration_sec: 5.5 } },
  ])
})

test('an absent track counts as black or silent, and its health is absent', () => {
  const gone = { black: 'absent', silent: 'absent' } as const
  const result = replaySegments(gone, gone, gone)

  expect(eventTypes(result)).toEqual(['alert.silence', 'alert.blackout'])
  expect(result.state.health).toMatchObject({ video: 'absent', audio: 'absent', last_check_at: isoAt(6) })
})

test('health describes the end of the last segment', () => {
  expect(replaySegments(WHOLE, { silent: [span(1, 2)] }).state.health).toMatchObject({ video: 'ok', audio: 'silent' })
  expect(replaySegments({ black: [span(0, 1)] }).state.health.video).toBe('ok')
})

test('segments that were not analyzed neither extend a run nor end it', () => {
  const skipped: MonitorObservation = { kind: 'skipped', atMs: at(8), progress: PROGRESS, count: 2 }
  const failed: MonitorObservation = {
    kind: 'segment_failed',
    atMs: at(10),
    beganMs: at(8),
    progress: PROGRESS,
    error: 'HTTP 500',
  }
  const black = [0, 2].map((start) => segment(start, 2, WHOLE))
  const result = replay([...black, skipped, failed, segment(10, 2, WHOLE), segment(12, 2)], { from: STARTED })

  expect(result.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 6, started_at: isoAt(0) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 6, recovered_at: isoAt(12) } },
  ])
  expect(result.state.statistics).toMatchObject({ segments_skipped: 2, segments_failed: 1, total_segments_analyzed: 4 })
})

test('a gap in the stream ends a short run but not one with an open alert', () => {
  const ends = [segment(0, 3, { black: [span(0, 3)] }), playlist(at(1200), at(1200))]
  expect(replay([...ends, segment(1200, 3, { black: [span(0, 2.5)] })], { from: STARTED }).events).toEqual([])
  const next = replay([...ends, segment(1200, 6, { black: [span(0, 6)] })], { from: STARTED })
  expect(next.events).toMatchObject([{ data: { duration_sec: 6, started_at: isoAt(1200) } }])

  const alerted = [segment(0, 6, { black: [span(0, 6)] }), segment(1200, 2, WHOLE), segment(1202, 2)]
  expect(replay(alerted, { from: STARTED }).events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 6 } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 8, recovered_at: isoAt(1202) } },
  ])
})

test('a gap of at most a target duration, or one without date-times, does not end a run', () => {
  const apart = (sec: number) => [
    playlist(at(0), at(0), 4),
    segment(0, 3, { black: [span(0, 3)] }),
    segment(3 + sec, 3, { black: [span(0, 3)] }),
  ]
  expect(eventTypes(replay(apart(4), { from: STARTED }))).toEqual(['alert.blackout'])
  expect(eventTypes(replay(apart(4.1), { from: STARTED }))).toEqual([])
  const undated = apart(60).map((each) =>
    each.kind === 'segment' ? { ...each, segment: { ...each.segment, isDated: false } } : each,
  )
  expect(eventTypes(replay(undated, { from: STARTED }))).toEqual(['alert.blackout'])
})

test('a leap of the date-time does not end a run where the segments follow each other', () => {
  const leapt = [0, 3600].map((sec) => {
    const observation = segment(sec, 3, { black: [span(0, 3)] })
    if (observation.kind !== 'segment') throw new Error('segment() makes segments')
    return { ...observation, segment: { ...observation.segment, isContinuous: true } }
  })
  expect(replay(leapt, { from: STARTED }).events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 6, started_at: isoAt(0) } },
  ])
})

test('a stall of its playlist ends a short run', () => {
  const stood = [segment(0, 3, { black: [span(0, 3)] }), playlist(at(15), null), playlist(at(20), at(3))]
  const result = replay([...stood, segment(3, 3, { black: [span(0, 3)] })], { from: STARTED })

  expect(eventTypes(result)).toEqual(['stream.suspended', 'stream.resumed'])
})

test('a run that is over after unanalyzed segments ends at the next analyzed segment', () => {
  const black = [0, 2, 4].map((start) => segment(start, 2, WHOLE))
  const skipped: MonitorObservation = { kind: 'skipped', atMs: at(8), progress: PROGRESS, count: 1 }
  const result = replay([...black, skipped, segment(8, 2, { black: [span(1, 2)] })], { from: STARTED })

  expect(result.events[1]).toMatchObject({ data: { total_duration_sec: 6, recovered_at: isoAt(8) } })
  expect(result.state.runs['blackout']).toMatchObject({ kind: 'short', mediaSec: 1 })
})

test("a segment of sound only leaves the picture's run unchanged", () => {
  const observation = segment(2, 2, { silent: [span(0, 2)] })
  if (observation.kind !== 'segment') throw new Error('segment() makes segments')
  const sound = { ...observation, findings: { ...observation.findings, picture: null } }
  const result = replay([segment(0, 2, WHOLE), sound, segment(2, 2, WHOLE)], { from: STARTED })

  expect(result.state.runs['blackout']).toMatchObject({ mediaSec: 4 })
})

test('a detector with threshold 0 is off', () => {
  const result = replay([segment(0, 20, WHOLE)], { from: STARTED, config: { blackout_threshold_sec: 0 } })

  expect(result.events).toEqual([])
})

/** In hundredths of a second, far enough apart and from the threshold that a missed frame does not matter. */
const runLength = fc.integer({ min: 20, max: 1500 }).filter((cs) => cs < 495 || cs >= 500)
const runs = fc.array(fc.record({ gap: fc.integer({ min: 25, max: 900 }), length: runLength }))
const cuts = fc.array(fc.integer({ min: 50, max: 700 }), { minLength: 1, maxLength: 12 })

test('alerts, starts and totals do not depend on how black is cut into segments', () => {
  fc.assert(
    fc.property(runs, cuts, (lengths, segmentLengths) => {
      const truth = placed(lengths)
      const endCs = (truth.at(-1)?.to ?? 0) + 1000
      const result = replay(cutUp(truth, segmentLengths, endCs), { from: STARTED })

      const long = truth.filter(({ from, to }) => to - from >= 500)
      expect(eventTypes(result)).toEqual(long.flatMap(() => ['alert.blackout', 'alert.blackout_recovered']))
      const recoveries = result.events.filter((event) => event.event_type === 'alert.blackout_recovered')
      expect(recoveries.map((event) => event.data)).toEqual(
        long.map(({ from, to }) => ({
          total_duration_sec: (to - from) / 100,
          started_at: isoAt(from / 100),
          recovered_at: isoAt(to / 100),
        })),
      )
    }),
  )
})

type Stretch = { readonly from: number; readonly to: number }

function placed(gaps: readonly { readonly gap: number; readonly length: number }[]): readonly Stretch[] {
  let end = 0
  return gaps.map(({ gap, length }) => {
    const from = end + gap
    end = from + length
    return { from, to: end }
  })
}

function cutUp(truth: readonly Stretch[], lengths: readonly number[], endCs: number): readonly MonitorObservation[] {
  const segments: MonitorObservation[] = []
  for (let from = 0; from < endCs;) {
    const length = lengths[segments.length % lengths.length] ?? 200
    segments.push(segment(from / 100, length / 100, { black: within(truth, from, length) }))
    from += length
  }
  return segments
}

function within(truth: readonly Stretch[], from: number, length: number): readonly DetectionSpan[] {
  return truth
    .map((run) => span(Math.max(0, run.from - from) / 100, Math.min(length, run.to - from) / 100))
    .filter((run) => run.fromSec < run.toSec)
}
