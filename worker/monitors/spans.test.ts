import { assert, integer, property, uniqueArray } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { blackout } from './detectors/blackout.ts'
import { silence } from './detectors/silence.ts'
import type { Mark, Reading, Track } from './reading.ts'
import type { Span } from './snapshot.ts'
import { findSide, joinBefore, segmentExtents } from './spans.ts'

const detectors = [blackout, silence]
const none: Track = { packets: [], frames: [], marks: {} }
const FRAME_SEC = 1 / 32

/** A track of frames from one time to another, with runs of one detector marked as ffmpeg does. */
function track(fromSec: number, toSec: number, name = 'blackout', runs: readonly Span[] = []): Track {
  const frames = Array.from({ length: Math.round((toSec - fromSec) / FRAME_SEC) }, (_, i) => fromSec + i * FRAME_SEC)
  const marks = runs.flatMap((run): Mark[] => [
    { sec: run.fromSec, isStart: true },
    ...(run.toSec < toSec ? [{ sec: run.toSec, isStart: false }] : []),
  ])
  return { frames, packets: frames.map((sec) => ({ sec, isKey: true })), marks: { [name]: marks } }
}

function find(side: 'picture' | 'sound', durationSec: number, tracks: Partial<Reading>): readonly Span[] | 'absent' {
  const reading = { picture: none, sound: none, lines: 360, ...tracks }
  const extents = segmentExtents(reading, durationSec)
  if (extents === null) throw new Error('neither track has packets')
  const found = findSide(side, detectors, { reading, extents, durationSec })
  return found.kind === 'absent' ? 'absent' : (found.spans[side === 'picture' ? 'blackout' : 'silence'] ?? [])
}

describe('the spans of a segment', () => {
  test('runs between frames are found where they are, whatever the clock says', () => {
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

  test('a run that is on at the last frame reaches to the end that the playlist names', () => {
    const picture = track(0, 5.9, 'blackout', [{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, { picture })).toEqual([{ fromSec: 4, toSec: 6 }])
  })

  test('what goes on after the end that the playlist names is left out', () => {
    const picture = track(0, 8, 'blackout', [
      { fromSec: 5, toSec: 6 },
      { fromSec: 7, toSec: 8 },
    ])
    expect(find('picture', 5.5, { picture })).toEqual([{ fromSec: 5, toSec: 5.5 }])
  })

  test('a flicker within a segment is dropped, but not at its border', () => {
    const flicker = [{ fromSec: 2, toSec: 2 + FRAME_SEC }]
    expect(find('picture', 6, { picture: track(0, 6, 'blackout', flicker) })).toEqual([])
    const atStart = [{ fromSec: 0, toSec: FRAME_SEC }]
    expect(find('picture', 6, { picture: track(0, 6, 'blackout', atStart) })).toEqual(atStart)
  })

  test('silence that begins with the first piece of sound begins with the segment', () => {
    const sound = track(0.02, 6, 'silence', [{ fromSec: 0.05, toSec: 3 }])
    expect(find('sound', 6, { picture: track(0, 6), sound })).toEqual([{ fromSec: 0, toSec: 3 }])
  })

  test('a decoder that begins with a moment of silence has not found any', () => {
    const sound = track(0, 6, 'silence', [{ fromSec: 0, toSec: 0.02 }])
    expect(find('sound', 6, { sound })).toEqual([])
  })

  test('sound that stops while the picture goes on is silent from there, and joins silence before it', () => {
    const tracks = { picture: track(0, 6), sound: track(0, 4, 'silence', [{ fromSec: 3.5, toSec: 9 }]) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 3.5, toSec: 6 }])
    expect(find('sound', 6, { ...tracks, sound: track(0, 4) })).toEqual([{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('a picture that comes later than the sound is black before it', () => {
    expect(find('picture', 6, { picture: track(2, 6), sound: track(0, 6) })).toEqual([{ fromSec: 0, toSec: 2 }])
  })

  test('what muxing moves between neighbours is not missing', () => {
    const tracks = { picture: track(0, 6), sound: track(0.5, 5.25) }
    expect(find('sound', 6, tracks)).toEqual([])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('tracks that cover the segment on clocks of their own are both there, each from its own start', () => {
    const runs = [{ fromSec: 1, toSec: 3 }]
    const later = (offsetSec: number) =>
      runs.map((run) => ({ fromSec: run.fromSec + offsetSec, toSec: run.toSec + offsetSec }))
    for (const offsetSec of [-100, -6.5, -1.5, 1.5, 6.5, 100]) {
      const sound = track(offsetSec, 6 + offsetSec, 'silence', later(offsetSec))
      expect(find('sound', 6, { picture: track(0, 6), sound })).toEqual(runs)
      expect(find('picture', 6, { picture: track(0, 6, 'blackout', runs), sound })).toEqual(runs)
    }
  })

  test('a track that stops early on a clock of its own is missing from there', () => {
    const tracks = { picture: track(0, 6), sound: track(6.5, 10.5) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('tracks that take turns are each missing while the other is there', () => {
    const tracks = { picture: track(0, 3), sound: track(3, 6) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 0, toSec: 3 }])
    expect(find('picture', 6, tracks)).toEqual([{ fromSec: 3, toSec: 6 }])
  })

  test('a track that is not there is absent', () => {
    expect(find('picture', 6, { sound: track(0, 6) })).toBe('absent')
    expect(find('sound', 6, { picture: track(0, 6) })).toBe('absent')
  })
})

describe('a run that began in the segment before', () => {
  const seen = (...blackouts: Span[]) => ({ kind: 'seen', spans: { blackout: blackouts } }) as const

  test('begins at a negative second', () => {
    const found = seen({ fromSec: 0, toSec: 2 }, { fromSec: 3, toSec: 4 })
    const joined = joinBefore(found, seen({ fromSec: 1, toSec: 2 }, { fromSec: 4.5, toSec: 6 }), 6)
    expect(joined).toEqual(seen({ fromSec: -1.5, toSec: 2 }, { fromSec: 3, toSec: 4 }))
  })

  test('is none where either side of the border is clear', () => {
    const atStart = seen({ fromSec: 0, toSec: 2 })
    expect(joinBefore(atStart, seen({ fromSec: 4, toSec: 5 }), 6)).toEqual(atStart)
    const later = seen({ fromSec: 1, toSec: 2 })
    expect(joinBefore(later, seen({ fromSec: 4, toSec: 6 }), 6)).toEqual(later)
  })
})
