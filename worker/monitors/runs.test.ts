import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { at, isoAt, PLACE, playlist, segment, span, STARTED, tell, typesOf, type SeenSides } from '../testing/story.ts'
import type { Span } from './snapshot.ts'
import type { Observation } from './state.ts'

/** What is told of segments of 2 s, one after the other from the story's start. */
function watched(...segments: readonly SeenSides[]) {
  return tell(
    segments.map((seen, index) => segment(index * 2, 2, seen)),
    { from: STARTED },
  )
}
const WHOLE = { black: [span(0, 2)] }

test('black that crosses segments adds up, is an alert once at its threshold, and recovers with its total', () => {
  const told = watched({ black: [span(1.5, 2)] }, WHOLE, WHOLE, WHOLE, { black: [span(0, 1.5)] }, {})

  expect(told.events).toEqual([
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
  expect(told.state.statistics).toMatchObject({ total_segments_analyzed: 6, blackout_events: 1, silence_events: 0 })
})

test('a run that is shorter than its threshold is told by nobody', () => {
  expect(watched({ black: [span(0.5, 2)] }, WHOLE, { black: [span(0, 1)] }, {}).events).toEqual([])
})

test('a run that ends well before the border of its segment does not go on in the next one', () => {
  const told = watched({ black: [span(0, 1.8)] }, WHOLE, WHOLE, {})

  expect(told.events).toEqual([])
  expect(told.state.runs).toEqual({})
})

test('a run that begins well after the border of its segment does not go on from the one before', () => {
  expect(watched(WHOLE, WHOLE, { black: [span(0.2, 2)] }, {}).events).toEqual([])
})

test('frames that the detector misses at the borders of segments are filled in', () => {
  const short = { black: [span(0, 1.96)] }
  const told = watched({ black: [span(1, 1.95)] }, short, short, { black: [span(0.05, 1)] }, {})

  expect(told.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5, started_at: isoAt(1) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 6, recovered_at: isoAt(7) } },
  ])
})

test('a run that is a frame short of the threshold is an alert, and never shorter than the threshold', () => {
  const told = watched(WHOLE, WHOLE, { black: [span(0, 0.97)] })

  expect(told.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5 } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 5 } },
  ])
})

test('a run that begins and ends within one long segment is an alert and a recovery', () => {
  const told = tell([segment(0, 10, { black: [span(1, 3), span(3.5, 9)] })], { from: STARTED })

  expect(told.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5.5, started_at: isoAt(3.5) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 5.5, recovered_at: isoAt(9) } },
  ])
})

test('a span that reaches back into the segment before begins there', () => {
  const told = watched({}, { black: [span(-1.5, 2)] }, WHOLE, {})

  expect(told.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 5.5, started_at: isoAt(0.5) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 5.5 } },
  ])
})

test('a span that reaches back replaces what was counted of the segment before', () => {
  const told = watched({ black: [span(1.2, 2)] }, { black: [span(-1.5, 2)] }, WHOLE, {})

  expect(told.events).toMatchObject([
    { data: { duration_sec: 5.5, started_at: isoAt(0.5) } },
    { data: { total_duration_sec: 5.5 } },
  ])
})

test('a track that is missing counts as black or silent throughout, and its health says that it is missing', () => {
  const gone = { black: 'absent', silent: 'absent' } as const
  const told = watched(gone, gone, gone)

  expect(typesOf(told)).toEqual(['alert.silence', 'alert.blackout'])
  expect(told.state.health).toMatchObject({ video: 'absent', audio: 'absent', last_check_at: isoAt(6) })
})

test('health says what is wrong at the end of the last segment', () => {
  expect(watched(WHOLE, { silent: [span(1, 2)] }).state.health).toMatchObject({ video: 'ok', audio: 'silent' })
  expect(watched({ black: [span(0, 1)] }).state.health.video).toBe('ok')
})

test('segments that nobody looked at neither add to a run nor end it', () => {
  const skipped: Observation = { kind: 'skipped', atMs: at(8), place: PLACE, count: 2 }
  const failed: Observation = { kind: 'segment_failed', atMs: at(10), beganMs: at(8), place: PLACE, error: 'HTTP 500' }
  const black = [0, 2].map((start) => segment(start, 2, WHOLE))
  const told = tell([...black, skipped, failed, segment(10, 2, WHOLE), segment(12, 2)], { from: STARTED })

  expect(told.events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 6, started_at: isoAt(0) } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 6, recovered_at: isoAt(12) } },
  ])
  expect(told.state.statistics).toMatchObject({ segments_skipped: 2, segments_failed: 1, total_segments_analyzed: 4 })
})

test('what lies before a gap of the stream is another run, unless an alert stands for it', () => {
  const ends = [segment(0, 3, { black: [span(0, 3)] }), playlist(at(1200), at(1200))]
  expect(tell([...ends, segment(1200, 3, { black: [span(0, 2.5)] })], { from: STARTED }).events).toEqual([])
  const next = tell([...ends, segment(1200, 6, { black: [span(0, 6)] })], { from: STARTED })
  expect(next.events).toMatchObject([{ data: { duration_sec: 6, started_at: isoAt(1200) } }])

  const alerted = [segment(0, 6, { black: [span(0, 6)] }), segment(1200, 2, WHOLE), segment(1202, 2)]
  expect(tell(alerted, { from: STARTED }).events).toMatchObject([
    { event_type: 'alert.blackout', data: { duration_sec: 6 } },
    { event_type: 'alert.blackout_recovered', data: { total_duration_sec: 8, recovered_at: isoAt(1202) } },
  ])
})

test('a gap of no more than a target duration is bridged, and so is one that no date-time tells of', () => {
  const apart = (sec: number) => [
    playlist(at(0), at(0), 4),
    segment(0, 3, { black: [span(0, 3)] }),
    segment(3 + sec, 3, { black: [span(0, 3)] }),
  ]
  expect(typesOf(tell(apart(4), { from: STARTED }))).toEqual(['alert.blackout'])
  expect(typesOf(tell(apart(4.1), { from: STARTED }))).toEqual([])
  const undated = apart(60).map((each) =>
    each.kind === 'segment' ? { ...each, segment: { ...each.segment, isDated: false } } : each,
  )
  expect(typesOf(tell(undated, { from: STARTED }))).toEqual(['alert.blackout'])
})

test('a short run does not outlive a stand of its playlist', () => {
  const stood = [segment(0, 3, { black: [span(0, 3)] }), playlist(at(15), null), playlist(at(20), at(3))]
  const told = tell([...stood, segment(3, 3, { black: [span(0, 3)] })], { from: STARTED })

  expect(typesOf(told)).toEqual(['stream.suspended', 'stream.resumed'])
})

test('a run that is over when looking goes on has lasted until then at the most', () => {
  const black = [0, 2, 4].map((start) => segment(start, 2, WHOLE))
  const skipped: Observation = { kind: 'skipped', atMs: at(8), place: PLACE, count: 1 }
  const told = tell([...black, skipped, segment(8, 2, { black: [span(1, 2)] })], { from: STARTED })

  expect(told.events[1]).toMatchObject({ data: { total_duration_sec: 6, recovered_at: isoAt(8) } })
  expect(told.state.runs['blackout']).toMatchObject({ kind: 'short', mediaSec: 1 })
})

test('a playlist of sound alone leaves the picture as it is', () => {
  const observation = segment(2, 2, { silent: [span(0, 2)] })
  if (observation.kind !== 'segment') throw new Error('segment() makes segments')
  const sound = { ...observation, findings: { ...observation.findings, picture: null } }
  const told = tell([segment(0, 2, WHOLE), sound, segment(2, 2, WHOLE)], { from: STARTED })

  expect(told.state.runs['blackout']).toMatchObject({ mediaSec: 4 })
})

test('a detector whose threshold is 0 is off', () => {
  const told = tell([segment(0, 20, WHOLE)], { from: STARTED, config: { blackout_threshold_sec: 0 } })

  expect(told.events).toEqual([])
})

/** In hundredths of a second; not so near to each other, or to the threshold, that a missed frame decides. */
const runLength = fc.integer({ min: 20, max: 1500 }).filter((cs) => cs < 495 || cs >= 500)
const runs = fc.array(fc.record({ gap: fc.integer({ min: 25, max: 900 }), length: runLength }))
const cuts = fc.array(fc.integer({ min: 50, max: 700 }), { minLength: 1, maxLength: 12 })

test('however black is cut into segments, its alerts, starts and totals are those of the whole', () => {
  fc.assert(
    fc.property(runs, cuts, (lengths, segmentLengths) => {
      const truth = placed(lengths)
      const endCs = (truth.at(-1)?.to ?? 0) + 1000
      const told = tell(cutUp(truth, segmentLengths, endCs), { from: STARTED })

      const long = truth.filter(({ from, to }) => to - from >= 500)
      expect(typesOf(told)).toEqual(long.flatMap(() => ['alert.blackout', 'alert.blackout_recovered']))
      const recoveries = told.events.filter((event) => event.event_type === 'alert.blackout_recovered')
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

function cutUp(truth: readonly Stretch[], lengths: readonly number[], endCs: number): readonly Observation[] {
  const segments: Observation[] = []
  for (let from = 0; from < endCs;) {
    const length = lengths[segments.length % lengths.length] ?? 200
    segments.push(segment(from / 100, length / 100, { black: within(truth, from, length) }))
    from += length
  }
  return segments
}

function within(truth: readonly Stretch[], from: number, length: number): readonly Span[] {
  return truth
    .map((run) => span(Math.max(0, run.from - from) / 100, Math.min(length, run.to - from) / 100))
    .filter((run) => run.fromSec < run.toSec)
}
