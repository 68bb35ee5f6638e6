import { assert, integer, property, uniqueArray } from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { TrackKind } from '../stream.ts'
import type { DecoderOutput, DetectionMark, TrackOutput } from './decoder-output.ts'
import { findTrackSpans, joinPrecedingSegment } from './detection-spans.ts'
import { blackout } from './detectors/blackout.ts'
import { silence } from './detectors/silence.ts'
import type { DetectionSpan } from './findings.ts'
import { measureSegment } from './track-extents.ts'

const detectors = [blackout, silence]
const none: TrackOutput = { packets: [], frames: [], marks: {} }
const FRAME_SEC = 1 / 32

/** Output for a track of frames between two times, with spans of one detector marked as ffmpeg does. */
function track(fromSec: number, toSec: number, name = 'blackout', runs: readonly DetectionSpan[] = []): TrackOutput {
  const frames = Array.from({ length: Math.round((toSec - fromSec) / FRAME_SEC) }, (_, i) => fromSec + i * FRAME_SEC)
  const marks = runs.flatMap((run): DetectionMark[] => [
    { sec: run.fromSec, isStart: true },
    ...(run.toSec < toSec ? [{ sec: run.toSec, isStart: false }] : []),
  ])
  return { frames, packets: frames.map((sec) => ({ sec, isKey: true })), marks: { [name]: marks } }
}

function find(
  kind: TrackKind,
  durationSec: number,
  tracks: Partial<DecoderOutput>,
): readonly DetectionSpan[] | 'absent' {
  const output = { picture: none, sound: none, lines: 360, ...tracks }
  const extents = measureSegment(output, durationSec)
  if (extents === null) throw new Error('neither track has packets')
  const found = findTrackSpans(kind, detectors, { output, extents, durationSec })
  return found.kind === 'absent' ? 'absent' : (found.spans[kind === 'picture' ? 'blackout' : 'silence'] ?? [])
}

describe('the spans of a segment', () => {
  test('are found where they are, independent of the clock', () => {
    const runs = uniqueArray(integer({ min: 0, max: 48 }), { minLength: 2, maxLength: 6 })
    const claim = property(runs, integer({ min: -100_000, max: 100_000 }), (edges, clockSec) => {
      const sorted = edges.toSorted((a, b) => a - b).map((edge) => edge / 8)
      const expected = sorted.flatMap((fromSec, i) => (i % 2 === 0 ? [{ fromSec, toSec: sorted[i + 1] ?? 6 }] : []))
      const marked = expected.map((run) => ({ fromSec: run.fromSec + clockSec, toSec: run.toSec + clockSec }))
      const picture = track(clockSec, clockSec + 6, 'blackout', marked)
      const found = find('picture', 6, { picture, sound: track(clockSec, clockSec + 6) })
      expect(found).toEqual(expected.filter(({ fromSec, toSec }) => fromSec < toSec))
    })
    assert(claim)
  })

  test("extend to the playlist's end of the segment if they cover the last frame", () => {
    const picture = track(0, 5.9, 'blackout', [{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, { picture })).toEqual([{ fromSec: 4, toSec: 6 }])
  })

  test("are cut off at the playlist's end of the segment", () => {
    const picture = track(0, 8, 'blackout', [
      { fromSec: 5, toSec: 6 },
      { fromSec: 7, toSec: 8 },
    ])
    expect(find('picture', 5.5, { picture })).toEqual([{ fromSec: 5, toSec: 5.5 }])
  })

  test("are dropped if shorter than a flicker, except at the segment's border", () => {
    const flicker = [{ fromSec: 2, toSec: 2 + FRAME_SEC }]
    expect(find('picture', 6, { picture: track(0, 6, 'blackout', flicker) })).toEqual([])
    const atStart = [{ fromSec: 0, toSec: FRAME_SEC }]
    expect(find('picture', 6, { picture: track(0, 6, 'blackout', atStart) })).toEqual(atStart)
  })

  test('begin with the segment if they begin with the first piece of sound', () => {
    const sound = track(0.02, 6, 'silence', [{ fromSec: 0.05, toSec: 3 }])
    expect(find('sound', 6, { picture: track(0, 6), sound })).toEqual([{ fromSec: 0, toSec: 3 }])
  })

  test("leave out a moment of silence at the decoder's start", () => {
    const sound = track(0, 6, 'silence', [{ fromSec: 0, toSec: 0.02 }])
    expect(find('sound', 6, { sound })).toEqual([])
  })

  test('cover the rest of a segment after its sound stops, joined with silence before', () => {
    const tracks = { picture: track(0, 6), sound: track(0, 4, 'silence', [{ fromSec: 3.5, toSec: 9 }]) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 3.5, toSec: 6 }])
    expect(find('sound', 6, { ...tracks, sound: track(0, 4) })).toEqual([{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('cover the time before a picture that begins later than the sound', () => {
    expect(find('picture', 6, { picture: track(2, 6), sound: track(0, 6) })).toEqual([{ fromSec: 0, toSec: 2 }])
  })

  test('do not cover what muxing moves between neighbouring segments', () => {
    const tracks = { picture: track(0, 6), sound: track(0.5, 5.25) }
    expect(find('sound', 6, tracks)).toEqual([])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test("are placed from each track's own start where two complete tracks have separate clocks", () => {
    const runs = [{ fromSec: 1, toSec: 3 }]
    const later = (offsetSec: number) =>
      runs.map((run) => ({ fromSec: run.fromSec + offsetSec, toSec: run.toSec + offsetSec }))
    for (const offsetSec of [-100, -6.5, -1.5, 1.5, 6.5, 100]) {
      const sound = track(offsetSec, 6 + offsetSec, 'silence', later(offsetSec))
      expect(find('sound', 6, { picture: track(0, 6), sound })).toEqual(runs)
      expect(find('picture', 6, { picture: track(0, 6, 'blackout', runs), sound })).toEqual(runs)
    }
  })

  test('cover the rest of a segment after a track with its own clock stops', () => {
    const tracks = { picture: track(0, 6), sound: track(6.5, 10.5) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('cover the time of the other track where two tracks alternate', () => {
    const tracks = { picture: track(0, 3), sound: track(3, 6) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 0, toSec: 3 }])
    expect(find('picture', 6, tracks)).toEqual([{ fromSec: 3, toSec: 6 }])
  })

  test('are absent with their track', () => {
    expect(find('picture', 6, { sound: track(0, 6) })).toBe('absent')
    expect(find('sound', 6, { picture: track(0, 6) })).toBe('absent')
  })
})

describe('a span that begins in the previous segment', () => {
  const findings = (...blackouts: DetectionSpan[]) => ({ kind: 'present', spans: { blackout: blackouts } }) as const

  test('begins at a negative second', () => {
    const found = findings({ fromSec: 0, toSec: 2 }, { fromSec: 3, toSec: 4 })
    const joined = joinPrecedingSegment(found, findings({ fromSec: 1, toSec: 2 }, { fromSec: 4.5, toSec: 6 }), 6)
    expect(joined).toEqual(findings({ fromSec: -1.5, toSec: 2 }, { fromSec: 3, toSec: 4 }))
  })

  test('is left alone where either side of the border is clear', () => {
    const atStart = findings({ fromSec: 0, toSec: 2 })
    expect(joinPrecedingSegment(atStart, findings({ fromSec: 4, toSec: 5 }), 6)).toEqual(atStart)
    const later = findings({ fromSec: 1, toSec: 2 })
    expect(joinPrecedingSegment(later, findings({ fromSec: 4, toSec: 6 }), 6)).toEqual(later)
  })
})
