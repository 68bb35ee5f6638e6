import { assert, integer, property, uniqueArray } from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createFormat, type DemuxedTrack, type MediaPacket } from '../../media/demux/media-packet.ts'
import { CONFIG } from '../../testing/monitor-scenario.ts'
import type { TrackKind } from '../stream.ts'
import { blackout } from './detectors/blackout.ts'
import { freeze } from './detectors/freeze.ts'
import { silence } from './detectors/silence.ts'
import { pictureMissing, soundMissing } from './detectors/track-missing.ts'
import type { DetectionSpan } from './findings.ts'
import type { DecodedPicture } from './frame-collector.ts'
import { createSegmentJudge } from './judge-segment.ts'
import { measureDuration, measureSegment } from './track-extents.ts'

const FRAME_SEC = 1 / 32
const FORMAT = createFormat({ codec: 'test', key: 'test', matroska: null })
const NONE = { packets: [], runs: [] as readonly DetectionSpan[] }
type TestTrack = { readonly packets: readonly MediaPacket[]; readonly runs: readonly DetectionSpan[] }

/** A track of frames between two times, with black or silent runs. */
function track(fromSec: number, toSec: number, runs: readonly DetectionSpan[] = []): TestTrack {
  const packets = Array.from({ length: Math.round((toSec - fromSec) / FRAME_SEC) }, (_, i) => {
    return { sec: fromSec + i * FRAME_SEC, isKey: true, isIndependent: true, bytes: Buffer.alloc(0), format: FORMAT }
  })
  return { packets, runs }
}

function decode({ packets, runs }: TestTrack, isLate = false): DecodedPicture[] {
  return packets.map((packet) => ({
    packet,
    isLate,
    isBlack: runs.some(({ fromSec, toSec }) => packet.sec >= fromSec && packet.sec < toSec),
    isStill: false,
  }))
}

type TestSegment = {
  readonly picture?: TestTrack
  readonly sound?: TestTrack
  /** Decoded pictures, where they are not those of the segment. */
  readonly pictures?: readonly DecodedPicture[]
}

/** Returns a function that judges segments in a row. */
function createJudge() {
  const judge = createSegmentJudge([blackout, freeze, silence, pictureMissing, soundMissing], {
    ...CONFIG,
    freeze_threshold_sec: 30,
  })
  return (playlistSec: number, { picture = NONE, sound = NONE, pictures }: TestSegment) => {
    const toTrack = ({ packets }: TestTrack): DemuxedTrack => ({ packets, isDeclared: false })
    const media = { picture: toTrack(picture), sound: toTrack(sound), isCut: false }
    const extents = measureSegment(media, playlistSec)
    if (extents === null) throw new Error('neither track has packets')
    const silentSpans = sound.runs.map((run) => {
      const lastSec = sound.packets.at(-1)?.sec ?? 0
      return run.toSec > lastSec ? { ...run, toSec: Infinity } : run
    })
    return judge.judge({
      media,
      extents,
      durationSec: measureDuration(media, extents, playlistSec),
      frames: { pictures: pictures ?? decode(picture), soundFrames: sound.packets.length, silentSpans },
      errors: { picture: null, sound: null },
      selection: 'both',
    })
  }
}

function find(kind: TrackKind, playlistSec: number, segment: TestSegment): readonly DetectionSpan[] | 'absent' {
  const found = createJudge()(playlistSec, segment)[kind]
  if (found?.kind === 'absent') return 'absent'
  if (found?.kind !== 'present') throw new Error(JSON.stringify(found))
  return found.spans[kind === 'picture' ? 'blackout' : 'silence'] ?? []
}

describe('the spans of a segment', () => {
  test('are found where they are, independent of the clock', () => {
    const runs = uniqueArray(integer({ min: 0, max: 48 }), { minLength: 2, maxLength: 6 })
    const claim = property(runs, integer({ min: -100_000, max: 100_000 }), (edges, clockSec) => {
      const sorted = edges.toSorted((a, b) => a - b).map((edge) => edge / 8)
      const expected = sorted.flatMap((fromSec, i) => (i % 2 === 0 ? [{ fromSec, toSec: sorted[i + 1] ?? 6 }] : []))
      const marked = expected.map((run) => ({ fromSec: run.fromSec + clockSec, toSec: run.toSec + clockSec }))
      const picture = track(clockSec, clockSec + 6, marked)
      const found = find('picture', 6, { picture, sound: track(clockSec, clockSec + 6) })
      expect(found).toEqual(expected.filter(({ fromSec, toSec }) => fromSec < toSec))
    })
    assert(claim)
  })

  test("extend to the playlist's end of the segment if they cover the last frame", () => {
    expect(find('picture', 6, { picture: track(0, 5.9375, [{ fromSec: 4, toSec: 6 }]) })).toEqual([
      { fromSec: 4, toSec: 6 },
    ])
  })

  test('are those of the media where the playlist is wrong', () => {
    const runs = [
      { fromSec: 5, toSec: 6 },
      { fromSec: 7, toSec: 8 },
    ]
    for (const playlistSec of [0, 5.5, 10, 1e9]) {
      expect(find('picture', playlistSec, { picture: track(0, 8, runs), sound: track(0, 8) })).toEqual(runs)
    }
  })

  test("are dropped if shorter than a flicker, except at the segment's border", () => {
    const flicker = [{ fromSec: 2, toSec: 2 + FRAME_SEC }]
    expect(find('picture', 6, { picture: track(0, 6, flicker) })).toEqual([])
    const atStart = [{ fromSec: 0, toSec: FRAME_SEC }]
    expect(find('picture', 6, { picture: track(0, 6, atStart) })).toEqual(atStart)
  })

  test('begin with the segment if they begin with the first piece of sound', () => {
    const sound = track(0.02, 6, [{ fromSec: 0.05, toSec: 3 }])
    expect(find('sound', 6, { picture: track(0, 6), sound })).toEqual([{ fromSec: 0, toSec: 3 }])
  })

  test("leave out a moment of silence at the decoder's start", () => {
    expect(find('sound', 6, { sound: track(0, 6, [{ fromSec: 0, toSec: 0.02 }]) })).toEqual([])
  })

  test('cover the rest of a segment after its sound stops, joined with silence before', () => {
    const tracks = { picture: track(0, 6), sound: track(0, 4, [{ fromSec: 3.5, toSec: 9 }]) }
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

  test('do not cover the time of one picture that stands for a whole segment', () => {
    expect(find('picture', 2, { picture: track(0, FRAME_SEC), sound: track(0, 2) })).toEqual([])
  })

  test("are placed from each track's own start where two complete tracks have separate clocks", () => {
    const runs = [{ fromSec: 1, toSec: 3 }]
    const later = (offsetSec: number) =>
      runs.map((run) => ({ fromSec: run.fromSec + offsetSec, toSec: run.toSec + offsetSec }))
    for (const offsetSec of [-100, -6.5, -1.5, 1.5, 6.5, 100]) {
      const sound = track(offsetSec, 6 + offsetSec, later(offsetSec))
      expect(find('sound', 6, { picture: track(0, 6), sound })).toEqual(runs)
      expect(find('picture', 6, { picture: track(0, 6, runs), sound })).toEqual(runs)
    }
  })

  test('cover the rest of a segment after a track with its own clock stops', () => {
    const tracks = { picture: track(0, 6), sound: track(6.5, 10.5) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 4, toSec: 6 }])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('are placed from each own start also where the playlist names more than either track has', () => {
    const runs = [{ fromSec: 0.5, toSec: 1.5 }]
    for (const playlistSec of [2, 2.5, 3, 4, 10]) {
      for (const offsetSec of [-1000, -13, -5, 5, 13, 1000]) {
        const sound = track(offsetSec, offsetSec + 2, [{ fromSec: offsetSec + 0.5, toSec: offsetSec + 1.5 }])
        expect(find('sound', playlistSec, { picture: track(0, 2), sound })).toEqual(runs)
        expect(find('picture', playlistSec, { picture: track(0, 2, runs), sound })).toEqual(runs)
      }
    }
  })

  test('cover the rest of a short track with its own clock where the playlist names too much', () => {
    const tracks = { picture: track(0, 4), sound: track(1000, 1002) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 2, toSec: 4 }])
    expect(find('picture', 6, tracks)).toEqual([])
  })

  test('cover the time between a picture that stops and sound that comes late', () => {
    const tracks = { picture: track(0, 1), sound: track(4, 6) }
    expect(find('sound', 6, tracks)).toEqual([{ fromSec: 0, toSec: 4 }])
    expect(find('picture', 6, tracks)).toEqual([{ fromSec: 1, toSec: 6 }])
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

test('a track is missing in the part of a segment that lacks it', () => {
  const missing = { picture: track(2, 9), sound: track(0, 1) }
  const { picture, sound } = createJudge()(9, missing)
  expect([picture, sound]).toMatchObject([
    { spans: { picture_missing: [{ fromSec: 0, toSec: 2 }], freeze: [] } },
    { spans: { sound_missing: [{ fromSec: 1, toSec: 9 }] } },
  ])
  const whole = createJudge()(9, { picture: track(0, 9), sound: track(0, 9, [{ fromSec: 0, toSec: 9 }]) })
  expect(whole).toMatchObject({ picture: { spans: { picture_missing: [] } }, sound: { spans: { sound_missing: [] } } })
})

describe('frames that a decoder holds back until the next segment', () => {
  const HELD = 3
  const last = 2 - HELD * FRAME_SEC

  /** Judges two segments of 2 s, of which the first lacks its last frames, which come with the second. */
  function judgeTwo(firstRuns: readonly DetectionSpan[], secondRuns: readonly DetectionSpan[]) {
    const judge = createJudge()
    const first = track(0, 2, firstRuns)
    const second = track(100, 102, secondRuns)
    const frames = decode(first)
    const before = judge(2, { picture: first, pictures: frames.slice(0, -HELD) }).picture
    const late = frames.slice(-HELD).map((frame) => ({ ...frame, isLate: true }))
    const after = judge(2, { picture: second, pictures: [...late, ...decode(second)] }).picture
    return [before, after].map((found) => (found?.kind === 'present' ? found.spans['blackout'] : found))
  }

  test('are taken to go on as before, and corrected where they did not', () => {
    const toEnd = [{ fromSec: 1, toSec: 2 }]
    expect(judgeTwo(toEnd, [{ fromSec: 100, toSec: 101 }])).toEqual([toEnd, [{ fromSec: 0, toSec: 1 }]])
    const tooEarly = [{ fromSec: 1, toSec: last + FRAME_SEC }]
    const correction = [{ fromSec: -(HELD - 1) * FRAME_SEC, toSec: -(HELD - 1) * FRAME_SEC }]
    expect(judgeTwo(tooEarly, [])).toEqual([toEnd, correction])
  })

  test('begin a span at a negative second', () => {
    const runs = judgeTwo([{ fromSec: last + FRAME_SEC, toSec: 2 }], [{ fromSec: 100, toSec: 101 }])
    expect(runs).toEqual([[], [{ fromSec: -(HELD - 1) * FRAME_SEC, toSec: 1 }]])
  })

  test('are no span of their own if it ends with them', () => {
    expect(judgeTwo([{ fromSec: last + FRAME_SEC, toSec: last + 2 * FRAME_SEC }], [])).toEqual([[], []])
  })
})
