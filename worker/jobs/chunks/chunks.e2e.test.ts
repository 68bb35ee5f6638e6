import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { writeDisplayMatrix } from '../../../shared/testing/source-media.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { joinChunks } from './join-chunks.ts'
import { splitInput } from './split-input.ts'
import {
  encodeInChunks,
  encodeWhole,
  type EncodeJob,
  PARTS_KEY,
  planInput,
  createChunkContext,
} from './testing/encode-both-ways.ts'
import { runFfmpeg, digestFirstFrame, digestAudio, measureSsim, readTrackTimes } from './testing/inspect-media.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'chunks-test-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const AUDIO = { codec: 'aac', kbps: 96 } as const
const LADDER: Preset = {
  description: 'two renditions by bit rate',
  container: 'hls',
  segment_sec: 2,
  video: {
    codec: 'h264',
    speed: 'ultrafast',
    renditions: [
      { height: 180, crf: null, kbps: 600 },
      { height: 90, crf: null, kbps: 200 },
    ],
  },
  audio: AUDIO,
}
const CMAF: Preset = { ...LADDER, container: 'cmaf' }
const FILE: Preset = {
  description: 'one file by quality',
  container: 'mp4',
  segment_sec: null,
  video: { codec: 'h264', speed: 'veryfast', renditions: [{ height: 90, crf: 24, kbps: null }] },
  audio: AUDIO,
}

const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
const TONE = ['-f', 'lavfi', '-i', 'sine=440:r=44100:d=60']

/** Creates a video with a tone of the same length. */
async function createInput(name: string, of: { video: string; sec: number; args: readonly string[] }): Promise<string> {
  const path = join(root, name)
  await runFfmpeg(['-v', 'error', '-f', 'lavfi', '-i', of.video, ...TONE, ...of.args, '-t', String(of.sec), path])
  return path
}

/** Creates an input with open GOPs of 37 frames, which match no GOP of the output, and with an edit list. */
const createOpenGopInput = () =>
  createInput('open-gops.mp4', {
    video: 'testsrc2=s=320x180:r=25',
    sec: 6,
    args: [...X264, '-x264-params', 'keyint=37:min-keyint=37:scenecut=0:open-gop=1:bframes=3:b-adapt=0'],
  })

/** Encodes a job whole and in chunks. */
async function encodeBothWays(name: string, of: Omit<EncodeJob, 'dir'>) {
  const job = { ...of, dir: join(root, name) }
  await mkdir(job.dir)
  const whole = await encodeWhole(job)
  const { outDir, chunkPlan } = await encodeInChunks(job)
  expect((await readdir(outDir)).toSorted()).toEqual((await readdir(whole)).toSorted())
  return { job, whole, joined: outDir, chunkPlan }
}

describe('an HLS output of an input with open GOPs, encoded in three chunks', () => {
  let ladder: Awaited<ReturnType<typeof encodeBothWays>>
  let inputPath: string
  beforeAll(async () => {
    inputPath = await createOpenGopInput()
    ladder = await encodeBothWays('ladder', { inputPath, preset: LADDER, chunks: 3 })
  })

  it.each(['stream_0.m3u8', 'stream_1.m3u8'])(
    'has the same packets and segments as one encoded whole (%s)',
    async (name) => {
      expect(await readTrackTimes(join(ladder.joined, name))).toEqual(await readTrackTimes(join(ladder.whole, name)))
      const [joined, whole] = await Promise.all([
        readFile(join(ladder.joined, name), 'utf8'),
        readFile(join(ladder.whole, name), 'utf8'),
      ])
      expect(joined).toBe(whole)
      expect(joined.match(/#EXTINF:2\.0/g)).toHaveLength(3)
    },
  )

  it('has the same visual quality, and the same audio to the sample', async () => {
    const [whole, joined] = [join(ladder.whole, 'stream_0.m3u8'), join(ladder.joined, 'stream_0.m3u8')]
    expect(Math.abs((await measureSsim(joined, inputPath)) - (await measureSsim(whole, inputPath)))).toBeLessThan(0.002)
    expect(await digestAudio(joined)).toBe(await digestAudio(whole))
  })

  it('is complete although a chunk was lost or replaced: that chunk alone is encoded again', async () => {
    const { job, chunkPlan } = ladder
    const { plan, probe } = await planInput(job)
    const [first, lost] = ['chunk_000_0.mp4', 'chunk_001_0.mp4'].map((name) => join(job.dir, 'store', PARTS_KEY, name))
    if (first === undefined || lost === undefined) throw new Error('there are no such chunks')
    const joinAgain = async (step: string) => {
      const context = await createChunkContext(job.dir, step)
      const outDir = join(context.dir, 'out')
      await mkdir(outDir)
      const split = { plan, startSec: probe.startSec, chunks: chunkPlan.chunks }
      return joinChunks(split, { ...context, outDir, onProgress: () => {} })
    }
    const [before, others] = [await readTrackTimes(lost), await stat(first)]

    await copyFile(first, lost)
    expect(await joinAgain('doubled')).toEqual({ kind: 'done' })
    // The bytes may differ: x264's rate control depends on the scheduling of its threads.
    expect(await readTrackTimes(lost)).toEqual(before)

    await rm(lost)
    expect(await joinAgain('lost')).toEqual({ kind: 'done' })
    expect(await readTrackTimes(lost)).toEqual(before)
    expect(await stat(first)).toMatchObject({ ino: others.ino, mtimeMs: others.mtimeMs })
  })
})

it('a single file of an interlaced input whose clock begins at 1.4 s is the same when encoded in chunks', async () => {
  const inputPath = await createInput('interlaced.ts', {
    video: 'testsrc2=s=160x90:r=50',
    sec: 10.4,
    args: [
      '-vf',
      'interlace=scan=tff',
      '-c:v',
      'mpeg2video',
      '-b:v',
      '2M',
      '-g',
      '14',
      '-bf',
      '2',
      '-flags',
      '+ilme+ildct',
    ],
  })
  const { whole, joined, chunkPlan } = await encodeBothWays('file', { inputPath, preset: FILE, chunks: 2 })
  expect(chunkPlan.chunks.map(({ first_frame }) => first_frame)).toEqual([0, 125])
  const paths = [join(joined, 'output.mp4'), join(whole, 'output.mp4')] as const
  const [split, plain] = await Promise.all(paths.map(readTrackTimes))
  expect(split).toEqual(plain)
  const [joinedSsim = 0, wholeSsim = 0] = await Promise.all(paths.map((path) => measureSsim(path, inputPath)))
  expect(Math.abs(joinedSsim - wholeSsim)).toBeLessThan(0.002)
  expect(wholeSsim).toBeGreaterThan(0.5)
  expect(await digestAudio(paths[0])).toBe(await digestAudio(paths[1]))
})

it('an interlaced input that is displayed rotated is rotated exactly once when encoded in chunks', async () => {
  const interlaced = ['-vf', 'interlace=scan=tff', ...X264, '-flags', '+ilme+ildct', '-x264-params', 'tff=1']
  const video = 'testsrc2=s=90x160:r=50'
  const inputPath = await createInput('turned.mov', { video, sec: 10.4, args: [...interlaced, '-g', '25'] })
  await writeDisplayMatrix(inputPath, [0, 1, -1, 0])
  const { whole, joined } = await encodeBothWays('turned', { inputPath, preset: FILE, chunks: 2 })
  const [split, plain] = [join(joined, 'output.mp4'), join(whole, 'output.mp4')]
  expect(await measureSsim(split, plain)).toBeGreaterThan(0.98)
  // ffmpeg applies the display matrix of the input; the output has none.
  expect(await measureSsim(split, inputPath)).toBeGreaterThan(0.9)
})

it('CMAF fragments at 29.97 frames per second without audio are the same when encoded in chunks', async () => {
  const inputPath = await createInput('ntsc.ts', {
    video: 'testsrc2=s=160x90:r=30000/1001',
    sec: 5,
    args: ['-map', '0:v', ...X264, '-g', '41', '-bf', '2'],
  })
  const { whole, joined } = await encodeBothWays('fragments', { inputPath, preset: CMAF, chunks: 2 })
  const [split, plain] = await Promise.all([joined, whole].map((dir) => readTrackTimes(join(dir, 'manifest.mpd'))))
  expect(split).toEqual(plain)
  const timelines = await Promise.all([joined, whole].map((dir) => readFile(join(dir, 'manifest.mpd'), 'utf8')))
  const [splitTimeline, plainTimeline] = timelines.map((text) => text.match(/<S [^>]*>/g))
  expect(splitTimeline).toEqual(plainTimeline)
})

it('a clip with a variable frame rate that begins between two frames is the same when encoded in chunks', async () => {
  const variableRate = ['-vf', "select='not(mod(n,3))+eq(mod(n,5),2)'", '-fps_mode', 'vfr']
  const inputPath = await createInput('variable.mkv', {
    video: 'testsrc2=s=160x90:r=30',
    sec: 7,
    args: [...variableRate, ...X264, '-g', '17', '-bf', '2'],
  })
  const clip = { start_sec: 1.31, duration_sec: 4.9 }
  const { whole, joined } = await encodeBothWays('clip', { inputPath, preset: LADDER, chunks: 2, clip })
  const paths = [joined, whole].map((dir) => join(dir, 'stream_0.m3u8'))
  const [split, plain] = await Promise.all(paths.map(readTrackTimes))
  expect(split).toEqual(plain)
  expect(plain?.[0]?.pts).toHaveLength(147)
  const [splitFrame, plainFrame] = await Promise.all(paths.map(digestFirstFrame))
  expect(splitFrame).toBe(plainFrame)
})

it('an input that cannot be decoded from its keyframes is encoded whole, and nothing of it is stored', async () => {
  const inputPath = await createInput('refreshed.mp4', {
    video: 'testsrc2=s=160x90:r=25',
    sec: 6,
    args: [...X264, '-x264-params', 'intra-refresh=1:keyint=30'],
  })
  const job = { dir: join(root, 'refreshed'), inputPath, preset: LADDER, chunks: 3 }
  const context = await createChunkContext(job.dir, 'split')
  let isStored = false
  const result = await splitInput(
    await planInput(job),
    { chunks: 3, freeWorkers: 0 },
    { ...context, beforeStoring: () => Promise.resolve(void (isStored = true)), onProgress: () => {} },
  )
  expect(result).toMatchObject({ kind: 'whole', reason: expect.stringContaining('cannot be decoded') })
  expect(isStored).toBe(false)
  expect(await readdir(context.dir)).toEqual([])
})
