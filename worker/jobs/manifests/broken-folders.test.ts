import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { finishManifests, type FinishedManifests } from './finish-manifests.ts'
import { type MadeSet, makeSet } from './testing/made-sets.ts'

const signal = new AbortController().signal

it('a single file is the whole set, and what lies beside it goes', async () => {
  await using made = await makeSet({ container: 'dash', heights: [90], hasAudio: false, durationSec: 1 })
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

describe('a folder that is not what the plan makes is said to be so, by file and code', () => {
  let hls: MadeSet
  let dash: MadeSet
  beforeAll(async () => {
    hls = await makeSet({ container: 'hls', heights: [90], hasAudio: false, durationSec: 2 })
    dash = await makeSet({ container: 'dash', heights: [90], hasAudio: false, durationSec: 2 })
  })
  afterAll(async () => {
    await hls[Symbol.asyncDispose]()
    await dash[Symbol.asyncDispose]()
  })

  async function spoilt({ dir, plan }: MadeSet, spoil: (dir: string) => Promise<unknown>): Promise<FinishedManifests> {
    const copy = `${dir}-spoilt`
    await cp(dir, copy, { recursive: true })
    try {
      await spoil(copy)
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
    ['a playlist leads elsewhere', 'stream_0.m3u8', leadElsewhere, 'HLS_PLAYLIST_SYNTAX_ERROR'],
    ['a segment is missing', 'segment_0_001.ts', (path: string) => rm(path), 'FILE_NOT_FOUND'],
    ['a segment is empty', 'segment_0_001.ts', (path: string) => truncate(path, 0), 'FILE_EMPTY'],
    ['a segment is noise', 'segment_0_000.ts', (path: string) => writeFile(path, 'x'.repeat(1000)), 'FFPROBE_FAILED'],
    ['a segment ends before its picture', 'segment_0_000.ts', (path: string) => truncate(path, 600), 'FFPROBE_FAILED'],
  ])('HLS: %s', async (_, file, spoil, code) => {
    const finished = await spoilt(hls, (dir) => spoil(join(dir, file)))
    expect(finished).toMatchObject({ kind: 'broken', issue: { code, file } })
  })

  it.each([
    ['an init segment is missing', 'init_0.m4s', (path: string) => rm(path), 'FILE_NOT_FOUND'],
    ['an init segment is cut', 'init_0.m4s', (path: string) => truncate(path, 300), 'FFPROBE_FAILED'],
    ['a chunk is empty', 'chunk_0_2.m4s', (path: string) => truncate(path, 0), 'FILE_EMPTY'],
    ['a chunk is cut', 'chunk_0_2.m4s', (path: string) => truncate(path, 900), 'FFPROBE_FAILED'],
    [
      'a chunk is there twice',
      'chunk_0_1.m4s',
      (path: string) => cp(path, path.replace('_1', '_2')),
      'HLS_DURATION_MISMATCH',
    ],
  ])('DASH: %s', async (_, file, spoil, code) => {
    const finished = await spoilt(dash, (dir) => spoil(join(dir, file)))
    expect(finished).toMatchObject({ kind: 'broken', issue: { code, file } })
  })

  it('HLS: a segment is something else', async () => {
    const finished = await spoilt(hls, (dir) => cp(join(dash.dir, 'chunk_0_1.m4s'), join(dir, 'segment_0_000.ts')))
    const message = 'segment_0_000.ts cannot be read: is not an MPEG-2 transport stream'
    expect(finished).toMatchObject({ kind: 'broken', issue: { message } })
  })

  it('DASH: a chunk is missing', async () => {
    expect(codeOf(await spoilt(dash, (dir) => rm(join(dir, 'chunk_0_1.m4s'))))).toBe('HLS_SEGMENT_MISSING')
  })

  it('sound that was planned and is not there', async () => {
    const plan = { ...hls.plan, audio: { kbps: 64, channels: 2, sampleRate: 48_000 } } as const
    expect(codeOf(await finishManifests({ dir: hls.dir, plan, signal }))).toBe('NO_AUDIO_STREAM')
  })

  it('a picture that was planned and is not there', async () => {
    await using sound = await makeSet({ container: 'hls', heights: [], hasAudio: true, durationSec: 1 })
    expect(codeOf(await finishManifests({ dir: sound.dir, plan: hls.plan, signal }))).toBe('NO_VIDEO_STREAM')
  })

  it('nothing is done once the job is called off', async () => {
    const before = await readdir(hls.dir)
    await expect(finishManifests({ ...hls, signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    expect(await readdir(hls.dir)).toEqual(before)
  })
})

async function leadElsewhere(path: string): Promise<void> {
  await writeFile(path, (await readFile(path, 'utf8')).replace('segment_0_001.ts', '../../etc/passwd'))
}

function codeOf(finished: FinishedManifests): string | null {
  return finished.kind === 'broken' ? finished.issue.code : null
}
