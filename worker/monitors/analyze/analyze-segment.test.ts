import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { type Clip, type ClipOptions, type ClipPart, makeClip } from '../../../shared/testing/clips.ts'
import {
  analyzeSegments,
  FRAME_SEC,
  closeToSpans,
  readSegments,
  SMALL_CLIP,
  AUDIO_TOLERANCE_SEC,
  requireSpans,
} from '../../testing/analyze-clip.ts'
import type { SegmentAnalysis, DownloadedSegment } from './analyze-segment.ts'
import type { DetectionSpan } from './findings.ts'

/** The smallest picture of more than 480 lines, which is decoded by its keyframes first. */
const large: ClipOptions = { ...SMALL_CLIP, size: '496x490', segmentSec: 6, gopSec: 2, bFrames: 2 }

/** Joins the spans of all segments on the stream's clock. */
function joinRuns(
  segments: readonly DownloadedSegment[],
  results: readonly SegmentAnalysis[],
  name: 'blackout' | 'silence',
) {
  const joined: DetectionSpan[] = []
  let startSec = 0
  for (const [index, result] of results.entries()) {
    for (const { fromSec, toSec } of requireSpans(result, name)) {
      const last = joined.at(-1)
      const goesOn = last !== undefined && fromSec === 0 && last.toSec === startSec
      if (goesOn) joined[joined.length - 1] = { fromSec: last.fromSec, toSec: startSec + toSec }
      else joined.push({ fromSec: startSec + fromSec, toSec: startSec + toSec })
    }
    startSec += segments[index]?.durationSec ?? 0
  }
  return joined
}

/** Analyzes a clip. */
async function analyzeClip(parts: readonly ClipPart[], options: ClipOptions, changed: Partial<MonitorConfig> = {}) {
  await using clip = await makeClip(parts, options)
  const segments = await readSegments(clip)
  const results = await analyzeSegments(segments, changed)
  return { black: joinRuns(segments, results, 'blackout'), silent: joinRuns(segments, results, 'silence') }
}

/** Returns the expected spans of a clip's parts, with a tolerance of one frame or 50 ms of sound. */
function truth(parts: readonly ClipPart[], { fps }: ClipOptions) {
  const spans = (matches: (part: ClipPart) => boolean) =>
    parts.flatMap((part, index) => {
      const fromSec = parts.slice(0, index).reduce((sum, { sec }) => sum + sec, 0)
      return matches(part) ? [{ fromSec, toSec: fromSec + part.sec }] : []
    })
  return {
    black: closeToSpans(
      spans(({ video }) => video === 'black'),
      1 / fps,
    ),
    silent: closeToSpans(
      spans(({ audio }) => audio === 'silent'),
      AUDIO_TOLERANCE_SEC,
    ),
  }
}

describe.concurrent('spans across segments add up to those of the clip', () => {
  /** 8.4 s of black and 7 s of silence, with their edges within segments. */
  const broadcast: ClipPart[] = [
    { sec: 3.3 },
    { sec: 8.4, video: 'black' },
    { sec: 1.6 },
    { sec: 7, audio: 'silent' },
    { sec: 2.7 },
  ]

  test.each<[string, ClipOptions]>([
    ['in segments of 2 s decoded in full, TS', SMALL_CLIP],
    [
      'in segments of 6 s decoded in full, fMP4 with B-frames',
      { ...SMALL_CLIP, segmentSec: 6, gopSec: 2, bFrames: 2, container: 'fmp4' },
    ],
    ['in segments of 2 s decoded in full, at 29.97 fps', { ...SMALL_CLIP, fps: 29.97 }],
    ['in segments of 6 s decoded by keyframes, TS', large],
    ['in segments of 2 s decoded by keyframes, fMP4', { ...large, segmentSec: 2, container: 'fmp4' }],
    ['in segments of 5 s decoded by keyframes, at 25 fps', { ...large, segmentSec: 5, gopSec: 1, fps: 25 }],
  ])('%s', async (_, options) => {
    expect(await analyzeClip(broadcast, options)).toEqual(truth(broadcast, options))
  })

  test('up to both ends of the stream', async () => {
    const parts = [{ sec: 4.2, video: 'black' }, { sec: 2.4 }, { sec: 1.4, audio: 'silent' }] as const
    const options = { ...large, segmentSec: 2 }
    expect(await analyzeClip(parts, options)).toEqual(truth(parts, options))
  })

  test('where they and the threshold are shorter than the distance of keyframes', async () => {
    const parts: ClipPart[] = [
      { sec: 2.3 },
      { sec: 1.4, video: 'black' },
      { sec: 3.6 },
      { sec: 1.3, video: 'black' },
      { sec: 3.4 },
    ]
    expect(await analyzeClip(parts, large, { blackout_threshold_sec: 1 })).toEqual(truth(parts, large))
  })
})

describe.concurrent('a picture that is nearly black, or sound that is nearly silent', () => {
  test('is not black if it is only dark', async () => {
    await using clip = await makeClip([{ sec: 2, video: 'dark' }], SMALL_CLIP)
    const [result] = await analyzeSegments(await readSegments(clip))
    expect(requireSpans(result, 'blackout')).toEqual([])
  })

  test('is silent below the configured level only', async () => {
    await using clip = await makeClip(
      [
        { sec: 2, audio: -45 },
        { sec: 2, audio: -55 },
      ],
      SMALL_CLIP,
    )
    const segments = await readSegments(clip)
    expect(joinRuns(segments, await analyzeSegments(segments), 'silence')).toEqual(
      closeToSpans([{ fromSec: 2, toSec: 4 }], AUDIO_TOLERANCE_SEC),
    )
    const strict = await analyzeSegments(segments, { silence_db_threshold: -60 })
    expect(joinRuns(segments, strict, 'silence')).toEqual([])
  })
})

test('a picture that fades for longer than the threshold is never frozen', async () => {
  const options: ClipOptions = { ...SMALL_CLIP, size: '256x144', fps: 25, segmentSec: 4, gopSec: 1 }
  await using clip = await makeClip([{ sec: 40, video: 'fading' }], options)
  const results = await analyzeSegments(await readSegments(clip), { freeze_threshold_sec: 30 })
  expect(results.flatMap((result) => requireSpans(result, 'freeze'))).toEqual([])
})

describe('the analysis of a large picture', () => {
  const ALL_FRAMES = 180
  let clip: Clip
  let segments: DownloadedSegment[]
  beforeAll(async () => {
    clip = await makeClip([{ sec: 11 }, { sec: 3, video: 'black' }, { sec: 4 }], large)
    segments = await readSegments(clip)
  })
  afterAll(() => clip[Symbol.asyncDispose]())

  /** Analyzes segments and returns how many pictures were decoded for each. */
  async function analyzeWithCounts(of: readonly DownloadedSegment[], changed: Partial<MonitorConfig> = {}) {
    const results = await analyzeSegments(of, changed)
    return { results, counts: results.map((result) => (result.kind === 'analyzed' ? result.pictures : null)) }
  }

  test('decodes keyframes only, as long as nothing is found', async () => {
    expect((await analyzeWithCounts([...segments.slice(0, 1), ...segments.slice(0, 1)])).counts).toEqual([3, 3])
  })

  test('decodes the previous segment only where a span began in it, at a negative second', async () => {
    const { results, counts } = await analyzeWithCounts(segments)
    expect(counts.slice(0, 2)).toEqual([3, 3])
    expect(counts[2]).toBeGreaterThan(ALL_FRAMES + ALL_FRAMES / 2)
    expect(requireSpans(results[1], 'blackout')).toEqual([])
    expect(requireSpans(results[2], 'blackout')).toEqual(closeToSpans([{ fromSec: -1, toSec: 2 }], FRAME_SEC))
  })

  test('extends no span into a previous segment before a gap', async () => {
    const [, second, third] = segments.map((segment, i) => ({ ...segment, isAfterGap: i === 2 }))
    const { results } = await analyzeWithCounts([second, third].filter((segment) => segment !== undefined))
    expect(requireSpans(results[1], 'blackout')).toEqual(closeToSpans([{ fromSec: 0, toSec: 2 }], FRAME_SEC))
  })

  test('decodes all frames where keyframes are further apart than the threshold', async () => {
    const { counts } = await analyzeWithCounts(segments.slice(0, 1), { blackout_threshold_sec: 2 })
    expect(counts[0]).toBeGreaterThan(ALL_FRAMES / 2)
  })
})
