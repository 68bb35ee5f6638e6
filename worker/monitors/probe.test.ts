import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { type Clip, type ClipOptions, type ClipPart, makeClip } from '../testing/media.ts'
import { analyse, FRAME_SEC, near, readSegments, small, SOUND_SEC, spansOf } from '../testing/probing.ts'
import type { ProbeResult, SegmentMedia } from './probe.ts'
import type { Span } from './snapshot.ts'

/** The smallest picture of more than 480 lines, so that key frames are looked at first. */
const large: ClipOptions = { ...small, size: '496x490', segmentSec: 6, gopSec: 2, bFrames: 2 }

/** The spans of all segments on the stream's clock, those that meet joined. */
function joinRuns(segments: readonly SegmentMedia[], results: readonly ProbeResult[], name: 'blackout' | 'silence') {
  const joined: Span[] = []
  let startSec = 0
  for (const [index, result] of results.entries()) {
    for (const { fromSec, toSec } of spansOf(result, name)) {
      const last = joined.at(-1)
      const goesOn = last !== undefined && fromSec === 0 && last.toSec === startSec
      if (goesOn) joined[joined.length - 1] = { fromSec: last.fromSec, toSec: startSec + toSec }
      else joined.push({ fromSec: startSec + fromSec, toSec: startSec + toSec })
    }
    startSec += segments[index]?.durationSec ?? 0
  }
  return joined
}

/** All that is found in a clip. */
async function watch(parts: readonly ClipPart[], options: ClipOptions, changed: Partial<MonitorConfig> = {}) {
  await using clip = await makeClip(parts, options)
  const segments = await readSegments(clip)
  const results = await analyse(segments, changed)
  return { black: joinRuns(segments, results, 'blackout'), silent: joinRuns(segments, results, 'silence') }
}

/** What is to be found, by what the parts of a clip say themselves: a frame more or less, or 50 ms of sound. */
function truth(parts: readonly ClipPart[], { fps }: ClipOptions) {
  const spans = (matches: (part: ClipPart) => boolean) =>
    parts.flatMap((part, index) => {
      const fromSec = parts.slice(0, index).reduce((sum, { sec }) => sum + sec, 0)
      return matches(part) ? [{ fromSec, toSec: fromSec + part.sec }] : []
    })
  return {
    black: near(
      spans(({ video }) => video === 'black'),
      1 / fps,
    ),
    silent: near(
      spans(({ audio }) => audio === 'silent'),
      SOUND_SEC,
    ),
  }
}

describe.concurrent('runs across segments add up to the truth', () => {
  /** A black run of 8.4 s and a silent one of 7 s, their edges within segments. */
  const broadcast: ClipPart[] = [
    { sec: 3.3 },
    { sec: 8.4, video: 'black' },
    { sec: 1.6 },
    { sec: 7, audio: 'silent' },
    { sec: 2.7 },
  ]

  test.each<[string, ClipOptions]>([
    ['2 s in full, TS', small],
    ['6 s in full, fMP4, with B-frames', { ...small, segmentSec: 6, gopSec: 2, bFrames: 2, container: 'fmp4' }],
    ['2 s in full, at 29.97 fps', { ...small, fps: 29.97 }],
    ['6 s by key frames, TS', large],
    ['2 s by key frames, fMP4', { ...large, segmentSec: 2, container: 'fmp4' }],
    ['5 s by key frames, at 25 fps', { ...large, segmentSec: 5, gopSec: 1, fps: 25 }],
  ])('%s', async (_, options) => {
    expect(await watch(broadcast, options)).toEqual(truth(broadcast, options))
  })

  test('to both ends of the stream', async () => {
    const parts = [{ sec: 4.2, video: 'black' }, { sec: 2.4 }, { sec: 1.4, audio: 'silent' }] as const
    const options = { ...large, segmentSec: 2 }
    expect(await watch(parts, options)).toEqual(truth(parts, options))
  })

  test('when they are shorter than the distance of key frames, and the threshold too', async () => {
    const parts: ClipPart[] = [
      { sec: 2.3 },
      { sec: 1.4, video: 'black' },
      { sec: 3.6 },
      { sec: 1.3, video: 'black' },
      { sec: 3.4 },
    ]
    expect(await watch(parts, large, { blackout_threshold_sec: 1 })).toEqual(truth(parts, large))
  })
})

describe.concurrent('what is nearly black or nearly silent', () => {
  test('a dark picture is not black', async () => {
    await using clip = await makeClip([{ sec: 2, video: 'dark' }], small)
    const [result] = await analyse(await readSegments(clip))
    expect(spansOf(result, 'blackout')).toEqual([])
  })

  test('the configured level tells quiet from silent', async () => {
    await using clip = await makeClip(
      [
        { sec: 2, audio: -45 },
        { sec: 2, audio: -55 },
      ],
      small,
    )
    const segments = await readSegments(clip)
    expect(joinRuns(segments, await analyse(segments), 'silence')).toEqual(near([{ fromSec: 2, toSec: 4 }], SOUND_SEC))
    const strict = await analyse(segments, { silence_db_threshold: -60 })
    expect(joinRuns(segments, strict, 'silence')).toEqual([])
  })
})

describe('the price of a large picture', () => {
  let clip: Clip
  let segments: SegmentMedia[]
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tallylight-probe-'))
    clip = await makeClip([{ sec: 11 }, { sec: 3, video: 'black' }, { sec: 4 }], large)
    segments = await readSegments(clip)
  })
  afterAll(async () => {
    await clip[Symbol.asyncDispose]()
    await rm(dir, { recursive: true })
  })

  /** How each run of ffmpeg looked at the picture: by key frames, or at all of it. */
  async function runs(of: readonly SegmentMedia[], changed: Partial<MonitorConfig> = {}) {
    const [ffmpegPath, log] = [join(dir, 'ffmpeg'), join(dir, 'log')]
    await writeFile(log, '')
    await writeFile(ffmpegPath, `#!/bin/sh\necho "$@" >>${log}\nexec ffmpeg "$@"\n`)
    await chmod(ffmpegPath, 0o755)
    const results = await analyse(of, { ffmpegPath, ...changed })
    const lines = (await readFile(log, 'utf8')).trim().split('\n')
    return { results, depths: lines.map((line) => (line.includes('nokey') ? 'key' : 'all')) }
  }

  test('is one run over key frames as long as nothing is found', async () => {
    expect((await runs([...segments.slice(0, 1), ...segments.slice(0, 1)])).depths).toEqual(['key', 'key'])
  })

  test('is a look back only where a run began before, which is told by a negative second', async () => {
    const { results, depths } = await runs(segments)
    expect(depths).toEqual(['key', 'key', 'key', 'all', 'all'])
    expect(spansOf(results[1], 'blackout')).toEqual([])
    expect(spansOf(results[2], 'blackout')).toEqual(near([{ fromSec: -1, toSec: 2 }], FRAME_SEC))
  })

  test('after a segment that was not seen no run begins before it', async () => {
    const [, second, third] = segments.map((segment, i) => ({ ...segment, isBroken: i === 2 }))
    const { results } = await runs([second, third].filter((segment) => segment !== undefined))
    expect(spansOf(results[1], 'blackout')).toEqual(near([{ fromSec: 0, toSec: 2 }], FRAME_SEC))
  })

  test('is all of it where key frames stand further apart than the threshold', async () => {
    const first = segments.slice(0, 1)
    const { depths } = await runs([...first, ...first], { blackout_threshold_sec: 2 })
    expect(depths).toEqual(['key', 'all', 'all'])
  })
})
