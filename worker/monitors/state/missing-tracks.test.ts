import * as v from 'valibot'
import { expect, test } from 'vitest'

import { eventTypes, isoAt, replay, segment, span, STARTED } from '../../testing/monitor-scenario.ts'
import type { DetectionSpan, TrackFindings } from '../analyze/findings.ts'
import { MonitorState } from './monitor-state.ts'
import type { MonitorObservation } from './observation.ts'

const config = { silence_threshold_sec: 3600, track_threshold_sec: 10 }

const missing = (...spans: readonly DetectionSpan[]): TrackFindings => ({
  kind: 'present',
  spans: { sound_missing: spans },
})
const absent = (isDeclared: boolean): TrackFindings => ({ kind: 'absent', isDeclared })

/** Returns segments of 9 s in a row with these findings in their sound. */
function segments(...sounds: readonly TrackFindings[]): MonitorObservation[] {
  return sounds.map((sound, index) => {
    const observation = segment(index * 9, 9)
    if (observation.kind !== 'segment') throw new Error('segment() makes segments')
    return { ...observation, findings: { ...observation.findings, sound } }
  })
}

test('segments that hold part of a track count with the part that they lack', () => {
  const result = replay(segments(missing(span(1, 9)), absent(true), missing(span(0, 8))), { from: STARTED, config })

  expect(result.events).toMatchObject([
    { event_type: 'alert.track_missing', data: { duration_sec: 17, started_at: isoAt(1), track: 'sound' } },
    {
      event_type: 'alert.track_missing_recovered',
      data: { total_duration_sec: 25, started_at: isoAt(1), recovered_at: isoAt(26) },
    },
  ])
})

test('a track that was seen before is missing, also by a stored state', () => {
  const seen = replay(segments(missing()), { from: STARTED, config }).state
  const stored = v.parse(MonitorState, JSON.parse(JSON.stringify(seen)))
  expect(eventTypes(replay(segments(absent(false), absent(false)), { from: stored, config }))).toEqual([
    'alert.track_missing',
  ])
  expect(eventTypes(replay(segments(absent(false), absent(false)), { from: STARTED, config }))).toEqual([])
})

test('a track that the rendition is declared to have is missing from the start', () => {
  const declared = segments(absent(false), absent(false)).map((each) => ({ ...each, declared: ['sound'] as const }))
  expect(eventTypes(replay(declared, { from: STARTED, config }))).toEqual(['alert.track_missing'])
})

test('an absent track does not end its alert, whose state does not say which tracks were seen', () => {
  const { seenTracks: _, ...older } = replay(segments(absent(true), absent(true)), { from: STARTED, config }).state
  const stored = v.parse(MonitorState, JSON.parse(JSON.stringify(older)))
  expect(replay(segments(absent(false)), { from: stored, config }).events).toEqual([])
})
