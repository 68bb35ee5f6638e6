import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { finishManifests, type ManifestsResult } from './finish-manifests.ts'
import { type EncodedSet, encodeSet } from './testing/encoded-sets.ts'

const signal = new AbortController().signal

it('a single file is the whole set, and all other files are removed', async () => {
  await using made = await encodeSet({ container: 'dash', heights: [90], hasAudio: false, durationSec: 1 })
  const { dir } = made
  const plan = { ...made.plan, container: 'mp4', outputType: 'single' } as const
  expect(codeOf(await finishManifests({ dir, plan, signal }))).toBe('FILE_NOT_FOUND')
  await writeFile(join(dir, 'film.mp4'), '')
  expect(codeOf(await finishManifests({ dir, plan, signal }))).toBe('FILE_EMPTY')
  await writeFile(join(dir, 'film.mp4'), 'film')
  await writeFile(join(dir, 'sound.m4a'), 'sound')
  expect(codeOf(await finishManifests({ dir, plan, signal }))).toBe('FFPROBE_FAILED')
  await rm(join(dir, 'sound.m4a'))
  const finished = await finishManifests({ dir, plan, signal })
  expect(finished).toEqual({ kind: 'finished', set: { dir, files: ['film.mp4'], entry: 'film.mp4' } })
  expect(await readdir(dir)).toEqual(['film.mp4'])
})

describe('a set that does not fit its plan is reported by code and file', () => {
  let hls: EncodedSet
  let dash: EncodedSet
  beforeAll(async () => {
    hls = await encodeSet({ container: 'hls', heights: [90], hasAudio: false, durationSec: 2 })
    dash = await encodeSet({ container: 'dash', heights: [90], hasAudio: false, durationSec: 2 })
  })
  afterAll(async () => {
    await hls[Symbol.asyncDispose]()
    await dash[Symbol.asyncDispose]()
  })

  async function damaged(
    { dir, plan }: EncodedSet,
    damage: (dir: string) => Promise<unknown>,
  ): Promise<ManifestsResult> {
    const copy = `${dir}-damaged`
    await cp(dir, copy, { recursive: true })
    try {
      await damage(copy)
      return await finishManifests({ dir: copy, plan, signal })
    } finally {
      await rm(copy, { recursive: true })
    }
  }

  it.each([
    ['a playlist is missing', 'stream_0.m3u8', (path: string) => rm(path), 'FILE_NOT_FOUND'],
    ['a playlist has no end', 'stream_0.m3u8', (path: string) => truncate(path, 150), 'FFPROBE_FAILED'],
    [
      'a playlist lists nothing',
      'stream_0.m3u8',
      (path: string) => writeFile(path, '#EXT-X-ENDLIST\n'),
      'HLS_SEGMENT_MISSING',
    ],
    ['a playlist refers to another folder', 'stream_0.m3u8', referToOtherFolder, 'HLS_PLAYLIST_SYNTAX_ERROR'],
    ['a segment is missing', 'segment_0_001.ts', (path: string) => rm(path), 'FILE_NOT_FOUND'],
    ['a segment is empty', 'segment_0_001.ts', (path: string) => truncate(path, 0), 'FILE_EMPTY'],
    [
      'a segment is not media',
      'segment_0_000.ts',
      (path: string) => writeFile(path, 'x'.repeat(1000)),
      'FFPROBE_FAILED',
    ],
    [
      'a segment is truncated before its video',
      'segment_0_000.ts',
      (path: string) => truncate(path, 600),
      'FFPROBE_FAILED',
    ],
  ])('HLS: %s', async (_, file, damage, code) => {
    const finished = await damaged(hls, (dir) => damage(join(dir, file)))
    expect(finished).toMatchObject({ kind: 'broken', issue: { code, file } })
  })

  it.each([
    ['an initialization segment is missing', 'init_0.m4s', (path: string) => rm(path), 'FILE_NOT_FOUND'],
    ['an initialization segment is truncated', 'init_0.m4s', (path: string) => truncate(path, 300), 'FFPROBE_FAILED'],
    ['a chunk is empty', 'chunk_0_2.m4s', (path: string) => truncate(path, 0), 'FILE_EMPTY'],
    ['a chunk is truncated', 'chunk_0_2.m4s', (path: string) => truncate(path, 900), 'FFPROBE_FAILED'],
    [
      'a chunk is duplicated',
      'chunk_0_1.m4s',
      (path: string) => cp(path, path.replace('_1', '_2')),
      'HLS_DURATION_MISMATCH',
    ],
  ])('DASH: %s', async (_, file, damage, code) => {
    const finished = await damaged(dash, (dir) => damage(join(dir, file)))
    expect(finished).toMatchObject({ kind: 'broken', issue: { code, file } })
  })

  it('HLS: a segment is of another format', async () => {
    const finished = await damaged(hls, (dir) => cp(join(dash.dir, 'chunk_0_1.m4s'), join(dir, 'segment_0_000.ts')))
    const message = 'segment_0_000.ts cannot be read: is not an MPEG-2 transport stream'
    expect(finished).toMatchObject({ kind: 'broken', issue: { message } })
  })

  it('DASH: a chunk is missing', async () => {
    expect(codeOf(await damaged(dash, (dir) => rm(join(dir, 'chunk_0_1.m4s'))))).toBe('HLS_SEGMENT_MISSING')
  })

  it('planned audio is missing', async () => {
    const plan = { ...hls.plan, audio: { kbps: 64, channels: 2, sampleRate: 48_000 } } as const
    expect(codeOf(await finishManifests({ dir: hls.dir, plan, signal }))).toBe('NO_AUDIO_STREAM')
  })

  it('planned video is missing', async () => {
    await using sound = await encodeSet({ container: 'hls', heights: [], hasAudio: true, durationSec: 1 })
    expect(codeOf(await finishManifests({ dir: sound.dir, plan: hls.plan, signal }))).toBe('NO_VIDEO_STREAM')
  })

  it('nothing is changed once the job is aborted', async () => {
    const before = await readdir(hls.dir)
    await expect(finishManifests({ ...hls, signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    expect(await readdir(hls.dir)).toEqual(before)
  })
})

async function referToOtherFolder(path: string): Promise<void> {
  await writeFile(path, (await readFile(path, 'utf8')).replace('segment_0_001.ts', '../../etc/passwd'))
}

function codeOf(finished: ManifestsResult): string | null {
  return finished.kind === 'broken' ? finished.issue.code : null
}
