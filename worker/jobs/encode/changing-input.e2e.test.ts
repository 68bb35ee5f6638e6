import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Preset } from '../../../shared/contract/presets.ts'
import { concatenateFiles, inspectMedia, measureFrames } from '../../testing/media-facts.ts'
import { encodeInChunks, encodeWhole } from '../chunks/testing/encode-both-ways.ts'
import { runFfmpeg } from '../chunks/testing/inspect-media.ts'

/** Inputs whose picture and sound change their shape in the middle. */

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-changing-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const FILE: Preset = {
  description: 'video and audio',
  container: 'mp4',
  segment_sec: null,
  video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 90, crf: 18, kbps: null }] },
  audio: { codec: 'aac', kbps: 64 },
}
const HLS: Preset = { ...FILE, container: 'hls', segment_sec: 1 }

/** A second of the input: its picture's size, and its tone. */
type Part = { readonly size: string; readonly hz: number; readonly rate: number; readonly layout: string }
const PARTS: readonly Part[] = [
  { size: '160x90', hz: 500, rate: 48_000, layout: 'stereo' },
  { size: '120x90', hz: 1000, rate: 44_100, layout: 'mono' },
  { size: '320x180', hz: 2000, rate: 48_000, layout: '5.1' },
  { size: '160x90', hz: 4000, rate: 48_000, layout: 'stereo' },
]

/** Makes a transport stream of the parts, with one clock. */
async function makeChanging(): Promise<string> {
  const names = PARTS.map((_, i) => `part-${i}.ts`)
  const inputs = PARTS.flatMap(({ size, hz, rate }) => [
    ['-f', 'lavfi', '-i', `color=gray:s=${size}:r=25:d=1`],
    ['-f', 'lavfi', '-i', `sine=frequency=${hz}:sample_rate=${rate}:duration=1`],
  ])
  const outputs = PARTS.flatMap(({ layout }, i) => [
    ['-map', `${2 * i}`, '-map', `${2 * i + 1}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-c:a', 'aac'],
    [
      '-af',
      `aformat=channel_layouts=${layout}`,
      '-output_ts_offset',
      String(i + 1),
      '-muxdelay',
      '0',
      '-muxpreload',
      '0',
    ],
    [join(root, names[i] ?? '')],
  ])
  await runFfmpeg(['-v', 'error', ...inputs.flat(), ...outputs.flat()])
  return concatenateFiles(root, names, join(root, 'changing.ts'))
}

/** Returns the mean level of a tone in a second of a file, in dB. */
async function levelOf(path: string, hz: number, second: number): Promise<number> {
  const filters = `atrim=${second + 0.2}:${second + 0.8},bandpass=f=${hz}:width_type=h:w=50,volumedetect`
  const { stderr } = await runFfmpeg(['-i', path, '-vn', '-af', filters, '-f', 'null', '-'])
  return Number(/mean_volume: (\S+) dB/.exec(stderr)?.[1])
}

/** Returns the tones that are heard in each second of a file. */
function tonesOf(path: string): Promise<readonly (readonly number[])[]> {
  return Promise.all(
    PARTS.map(async (_, second) => {
      const levels = await Promise.all(PARTS.map(async ({ hz }) => [hz, await levelOf(path, hz, second)] as const))
      return levels.flatMap(([hz, level]) => (level > -40 ? [hz] : []))
    }),
  )
}

/** Returns for each frame whether it has bars at its sides. */
async function barsOf(path: string): Promise<readonly boolean[]> {
  const luma = await measureFrames(path, 'crop=8:90:0:0,signalstats', 'signalstats.YAVG')
  return luma.map((value) => value < 60)
}

async function joinSegments(dir: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.ts')).toSorted()
  return concatenateFiles(dir, names, join(dir, 'joined.ts'))
}

describe('where picture and sound change several times, each output has all of both, once and at its time:', () => {
  let inputPath: string
  beforeAll(async () => {
    inputPath = await makeChanging()
  })

  test.each([
    ['a file', FILE, 1],
    ['a set', HLS, 1],
    ['a set that is encoded in chunks', HLS, 2],
  ])('%s', async (_what, preset, chunks) => {
    const dir = await mkdtemp(join(root, 'job-'))
    const job = { dir, inputPath, preset, chunks }
    const out = chunks === 1 ? await encodeWhole(job) : (await encodeInChunks(job)).outDir
    const path = preset === FILE ? join(out, 'output.mp4') : await joinSegments(out)
    const { video, audio, errors } = await inspectMedia(path)
    expect([video?.['nb_read_frames'], video?.['width'], video?.['height'], errors]).toEqual(['100', 160, 90, ''])
    expect(Number(audio?.['nb_read_frames']) * 1024).toBeGreaterThan(4 * 48_000 - 2048)
    expect(Number(audio?.['nb_read_frames']) * 1024).toBeLessThan(4 * 48_000 + 3 * 1024)
    expect(await tonesOf(path)).toEqual(PARTS.map(({ hz }) => [hz]))
    expect(await barsOf(path)).toEqual(Array.from({ length: 100 }, (_unused, n) => n >= 25 && n < 50))
  })

  test('a clip that begins within another shape', async () => {
    const dir = await mkdtemp(join(root, 'job-'))
    const clip = { start_sec: 1.2, duration_sec: 1.6 }
    const path = join(await encodeWhole({ dir, inputPath, preset: FILE, chunks: 1, clip }), 'output.mp4')
    expect(await barsOf(path)).toEqual(Array.from({ length: 40 }, (_unused, n) => n < 20))
    expect(await levelOf(path, 1000, 0)).toBeGreaterThan(-40)
    expect(await levelOf(path, 2000, 0.8)).toBeGreaterThan(-40)
  })
})

test('sound that begins half a minute after the picture is at its time in every rendition of a set', async () => {
  const inputPath = join(root, 'late.ts')
  const picture = ['-f', 'lavfi', '-i', 'color=gray:s=64x64:r=2:d=34']
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=1000:duration=2', '-af', 'asetpts=PTS+32/TB']
  await runFfmpeg(['-v', 'error', ...picture, ...sound, '-c:v', 'libx264', '-c:a', 'aac', inputPath])
  const dir = await mkdtemp(join(root, 'job-'))
  const path = await joinSegments(await encodeWhole({ dir, inputPath, preset: { ...HLS, segment_sec: 6 }, chunks: 1 }))
  const { video, audio } = await inspectMedia(path)
  expect(video?.['nb_read_frames']).toBe('68')
  expect((Number(audio?.['nb_read_frames']) * 1024) / Number(audio?.['sample_rate'])).toBeCloseTo(34, 0)
  expect(await levelOf(path, 1000, 31)).toBeLessThan(-60)
  expect(await levelOf(path, 1000, 32)).toBeGreaterThan(-40)
})
