import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { turn } from '../../testing/job-media.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { joinChunks } from './join.ts'
import { splitSource } from './split.ts'
import { encodeInChunks, encodeWhole, type Job, PARTS_KEY, sourceOf, workplace } from './testing/both-ways.ts'
import { ffmpeg, firstPictureOf, soundOf, ssim, timesOf } from './testing/outputs.ts'

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

/** A moving picture with a tone, which ends with it. */
async function makeSource(
  name: string,
  of: { picture: string; sec: number; args: readonly string[] },
): Promise<string> {
  const path = join(root, name)
  await ffmpeg(['-v', 'error', '-f', 'lavfi', '-i', of.picture, ...TONE, ...of.args, '-t', String(of.sec), path])
  return path
}

/** B-frames beyond key frames 37 frames apart, which the grid of the output never meets; an edit list. */
const openGops = () =>
  makeSource('open-gops.mp4', {
    picture: 'testsrc2=s=320x180:r=25',
    sec: 6,
    args: [...X264, '-x264-params', 'keyint=37:min-keyint=37:scenecut=0:open-gop=1:bframes=3:b-adapt=0'],
  })

/** Encodes a job whole and in chunks. */
async function bothWays(name: string, of: Omit<Job, 'dir'>) {
  const job = { ...of, dir: join(root, name) }
  await mkdir(job.dir)
  const whole = await encodeWhole(job)
  const { outDir, parts } = await encodeInChunks(job)
  expect((await readdir(outDir)).toSorted()).toEqual((await readdir(whole)).toSorted())
  return { job, whole, joined: outDir, parts }
}

describe('a ladder of a source with open GOPs, in three chunks', () => {
  let ladder: Awaited<ReturnType<typeof bothWays>>
  let sourcePath: string
  beforeAll(async () => {
    sourcePath = await openGops()
    ladder = await bothWays('ladder', { sourcePath, preset: LADDER, chunks: 3 })
  }, 120_000)

  it.each(['stream_0.m3u8', 'stream_1.m3u8'])('has the same packets and segments: %s', async (name) => {
    expect(await timesOf(join(ladder.joined, name))).toEqual(await timesOf(join(ladder.whole, name)))
    const [joined, whole] = await Promise.all([
      readFile(join(ladder.joined, name), 'utf8'),
      readFile(join(ladder.whole, name), 'utf8'),
    ])
    expect(joined).toBe(whole)
    expect(joined.match(/#EXTINF:2\.0/g)).toHaveLength(3)
  })

  it('looks as good, and sounds the same to the sample', async () => {
    const [whole, joined] = [join(ladder.whole, 'stream_0.m3u8'), join(ladder.joined, 'stream_0.m3u8')]
    expect(Math.abs((await ssim(joined, sourcePath)) - (await ssim(whole, sourcePath)))).toBeLessThan(0.002)
    expect(await soundOf(joined)).toBe(await soundOf(whole))
  })

  it('is whole also where a chunk is lost or is another by now: that one is encoded again alone', async () => {
    const { job, parts } = ladder
    const { plan, probe } = await sourceOf(job)
    const [first, lost] = ['chunk_000_0.mp4', 'chunk_001_0.mp4'].map((name) => join(job.dir, 'store', PARTS_KEY, name))
    if (first === undefined || lost === undefined) throw new Error('there are no such chunks')
    const joinAgain = async (step: string) => {
      const run = await workplace(job.dir, step)
      const outDir = join(run.dir, 'out')
      await mkdir(outDir)
      const split = { plan, startSec: probe.startSec, chunks: parts.chunks }
      return joinChunks(split, { ...run, outDir, onProgress: () => {} })
    }
    const [before, others] = [await timesOf(lost), await stat(first)]

    await copyFile(first, lost)
    expect(await joinAgain('doubled')).toEqual({ kind: 'done' })
    // x264 keeps to a bit rate by what other frames have cost so far: bytes may differ where threads run otherwise.
    expect(await timesOf(lost)).toEqual(before)

    await rm(lost)
    expect(await joinAgain('lost')).toEqual({ kind: 'done' })
    expect(await timesOf(lost)).toEqual(before)
    expect(await stat(first)).toMatchObject({ ino: others.ino, mtimeMs: others.mtimeMs })
  }, 60_000)
})

it('a file of an interlaced source whose clock begins at 1.4 s is the same in chunks', async () => {
  const sourcePath = await makeSource('interlaced.ts', {
    picture: 'testsrc2=s=160x90:r=50',
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
  const { whole, joined, parts } = await bothWays('file', { sourcePath, preset: FILE, chunks: 2 })
  expect(parts.chunks.map(({ first_frame }) => first_frame)).toEqual([0, 125])
  const paths = [join(joined, 'output.mp4'), join(whole, 'output.mp4')] as const
  const [split, plain] = await Promise.all(paths.map(timesOf))
  expect(split).toEqual(plain)
  const [joinedSsim = 0, wholeSsim = 0] = await Promise.all(paths.map((path) => ssim(path, sourcePath)))
  expect(Math.abs(joinedSsim - wholeSsim)).toBeLessThan(0.002)
  expect(wholeSsim).toBeGreaterThan(0.5)
  expect(await soundOf(paths[0])).toBe(await soundOf(paths[1]))
}, 120_000)

it('an interlaced source that is shown turned is turned in chunks too, once', async () => {
  const interlaced = ['-vf', 'interlace=scan=tff', ...X264, '-flags', '+ilme+ildct', '-x264-params', 'tff=1']
  const picture = 'testsrc2=s=90x160:r=50'
  const sourcePath = await makeSource('turned.mov', { picture, sec: 10.4, args: [...interlaced, '-g', '25'] })
  await turn(sourcePath, [0, 1, -1, 0])
  const { whole, joined } = await bothWays('turned', { sourcePath, preset: FILE, chunks: 2 })
  const [split, plain] = [join(joined, 'output.mp4'), join(whole, 'output.mp4')]
  expect(await ssim(split, plain)).toBeGreaterThan(0.98)
  // Players turn nothing any more: compared is what is shown.
  expect(await ssim(split, sourcePath)).toBeGreaterThan(0.9)
}, 120_000)

it('fragments for HLS and DASH at 29.97 frames a second, without sound, are the same in chunks', async () => {
  const sourcePath = await makeSource('ntsc.ts', {
    picture: 'testsrc2=s=160x90:r=30000/1001',
    sec: 5,
    args: ['-map', '0:v', ...X264, '-g', '41', '-bf', '2'],
  })
  const { whole, joined } = await bothWays('fragments', { sourcePath, preset: CMAF, chunks: 2 })
  const [split, plain] = await Promise.all([joined, whole].map((dir) => timesOf(join(dir, 'manifest.mpd'))))
  expect(split).toEqual(plain)
  const timelines = await Promise.all([joined, whole].map((dir) => readFile(join(dir, 'manifest.mpd'), 'utf8')))
  const [splitTimeline, plainTimeline] = timelines.map((text) => text.match(/<S [^>]*>/g))
  expect(splitTimeline).toEqual(plainTimeline)
}, 120_000)

it('a clip of uneven frames that begins between two of them is the same in chunks, from its first picture on', async () => {
  const uneven = ['-vf', "select='not(mod(n,3))+eq(mod(n,5),2)'", '-fps_mode', 'vfr']
  const sourcePath = await makeSource('uneven.mkv', {
    picture: 'testsrc2=s=160x90:r=30',
    sec: 7,
    args: [...uneven, ...X264, '-g', '17', '-bf', '2'],
  })
  const clip = { start_sec: 1.31, duration_sec: 4.9 }
  const { whole, joined } = await bothWays('clip', { sourcePath, preset: LADDER, chunks: 2, clip })
  const paths = [joined, whole].map((dir) => join(dir, 'stream_0.m3u8'))
  const [split, plain] = await Promise.all(paths.map(timesOf))
  expect(split).toEqual(plain)
  expect(plain?.[0]?.pts).toHaveLength(147)
  const [splitPicture, plainPicture] = await Promise.all(paths.map(firstPictureOf))
  expect(splitPicture).toBe(plainPicture)
}, 120_000)

it('a source that cannot be decoded from its key frames on is encoded whole, and nothing of it is stored', async () => {
  const sourcePath = await makeSource('refreshed.mp4', {
    picture: 'testsrc2=s=160x90:r=25',
    sec: 6,
    args: [...X264, '-x264-params', 'intra-refresh=1:keyint=30'],
  })
  const job = { dir: join(root, 'refreshed'), sourcePath, preset: LADDER, chunks: 3 }
  const run = await workplace(job.dir, 'split')
  let isStored = false
  const result = await splitSource(
    await sourceOf(job),
    { chunks: 3, freeWorkers: 0 },
    { ...run, beforeStoring: () => Promise.resolve(void (isStored = true)), onProgress: () => {} },
  )
  expect(result).toMatchObject({ kind: 'whole', reason: expect.stringContaining('cannot be decoded') })
  expect(isStored).toBe(false)
  expect(await readdir(run.dir)).toEqual([])
}, 60_000)
