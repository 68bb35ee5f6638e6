import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import type { Clip } from '../../../shared/contract/jobs.ts'
import { Preset } from '../../../shared/contract/presets.ts'
import { probe } from '../../platform/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSource, type SourceKind } from '../../testing/job-media.ts'
import { joinFiles, keyFrameTimes, measured, mediaFacts } from '../../testing/media-facts.ts'
import type { EncodePlan } from '../encode-plan.ts'
import { planOutput } from '../plan.ts'
import { encode } from './encode.ts'

const signal = new AbortController().signal

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-encode-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function planFor(path: string, of: Preset, clip: Clip | null = null): Promise<EncodePlan> {
  const probed = await probe('ffprobe', path, { timeoutMs: 10_000, signal })
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const result = planOutput(probed.probe, of, clip)
  if (result.kind !== 'planned') throw new Error(result.failure.message)
  return result.plan
}

/** Encodes into a folder of its own, and tells what lies there. */
async function encoded(path: string, plan: EncodePlan): Promise<{ dir: string; names: string[] }> {
  const dir = await mkdtemp(join(root, 'out-'))
  const run = { ffmpegPath: 'ffmpeg', dir, signal, timeoutMs: 60_000, maxOutputBytes: 1e9, onProgress: () => {} }
  expect(await encode(path, plan, run)).toEqual({ kind: 'done' })
  return { dir, names: (await readdir(dir)).toSorted() }
}

function preset(fields: object): Preset {
  return v.parse(Preset, { description: 'x', audio: { codec: 'aac', kbps: 64 }, ...fields })
}

const FILE = preset({
  container: 'mp4',
  video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 1080, crf: 23 }] },
})

describe('renditions of one set', () => {
  let path: string
  beforeAll(async () => {
    path = await makeSource(root, 'cuts', { size: '320x180', sec: 3, fps: '30000/1001' })
  })

  /** For each rendition: its segments, the times of its key frames, and what decoding it had to complain of. */
  async function renditionsOf(source: string, of: Preset) {
    const plan = await planFor(source, of)
    const { dir, names } = await encoded(source, plan)
    const reading = plan.video?.renditions.map(async ({ index, width, height }) => {
      const isOwn = (name: string) => name.startsWith(`segment_${index}_`) || name.startsWith(`chunk_${index}_`)
      const segments = names.filter(isOwn).toSorted((a, b) => numberOf(a) - numberOf(b))
      const init = names.filter((name) => name === `init_${index}.m4s`)
      const whole = await joinFiles(dir, [...init, ...segments], join(dir, `whole-${index}`))
      const { video, complaints } = await mediaFacts(whole)
      const isAsPlanned = video?.['width'] === width && video['height'] === height
      return { segments: segments.length, keys: await keyFrameTimes(whole), isAsPlanned, complaints }
    })
    return Promise.all(reading ?? [])
  }

  function numberOf(name: string): number {
    return Number(/(\d+)\.\w+$/.exec(name)?.[1])
  }

  const ladder = (codec: string, speed: string) => ({
    codec,
    speed,
    renditions: [
      { height: 180, kbps: 300 },
      { height: 120, kbps: 150 },
      { height: 80, kbps: 80 },
    ],
  })
  test.each([
    { container: 'hls', video: ladder('h264', 'veryfast') },
    { container: 'dash', video: ladder('h264', 'veryfast') },
    { container: 'cmaf', video: ladder('h265', 'ultrafast') },
    { container: 'cmaf', video: ladder('av1', '12') },
  ])('have as many segments and the same key frames, one a segment ($container, $video.codec)', async (fields) => {
    const renditions = await renditionsOf(path, preset({ ...fields, segment_sec: 1 }))
    const expected = { segments: 3, keys: [0, 1.001, 2.002], isAsPlanned: true, complaints: '' }
    expect(renditions).toEqual([expected, expected, expected])
  })

  test('of the real ladder are three of a 720p source, each in its size', async () => {
    const presets: unknown = parse(
      await readFile(new URL('../../../gateway/jobs/presets.yaml', import.meta.url), 'utf8'),
    )
    const real = v.parse(v.record(v.string(), Preset), presets)['hls_720p_abr']
    if (real === undefined) throw new Error('there is no such preset')
    const source = await makeSource(root, 'long-gop', { size: '1280x720', sec: 2, fps: '10' })
    const expected = { segments: 1, keys: [0], isAsPlanned: true, complaints: '' }
    expect(await renditionsOf(source, real)).toEqual([expected, expected, expected])
  })
})

describe('picture and sound', () => {
  async function factsOf(kind: SourceKind) {
    const path = await makeSource(root, kind, { size: '160x90' })
    const { dir } = await encoded(path, await planFor(path, FILE))
    const { video, audio, complaints } = await mediaFacts(join(dir, 'output.mp4'))
    const [frames, starts] = [video?.['nb_read_frames'], [video?.['start_time'], audio?.['start_time']].map(Number)]
    return { frames, starts, apartSec: Math.abs(Number(video?.['duration']) - Number(audio?.['duration'])), complaints }
  }

  // ffmpeg 5.1 repeats the first picture once more than 7.1 does.
  test.each<[SourceKind, RegExp]>([
    ['late-picture', /^4[23]$/],
    ['late-sound', /^30$/],
    ['short-picture', /^30$/],
  ])('begin and end together though the source has them apart (%s)', async (kind, count) => {
    const frames = expect.stringMatching(count)
    expect(await factsOf(kind)).toEqual({ frames, starts: [0, 0], apartSec: expect.closeTo(0, 1), complaints: '' })
  })

  describe('of a file whose picture begins a little after its sound', () => {
    let path: string
    beforeAll(async () => {
      // Frame n is of the grey 20 + 6n.
      const grey = 'color=gray:s=160x90:r=30:d=1,geq=lum=20+6*N:cb=128:cr=128'
      const inputs = ['-f', 'lavfi', '-i', grey, '-f', 'lavfi', '-i', 'sine=d=1']
      const made = ['-nostdin', '-v', 'error', ...inputs, '-c:v', 'libx264', '-g', '12', '-c:a', 'aac', 'grey.mkv']
      await runProgram('ffmpeg', made, { timeoutMs: 20_000, signal, cwd: root })
      path = join(root, 'grey.mkv')
    })

    async function framesOf(clip: Clip | null): Promise<number[]> {
      const { dir } = await encoded(path, await planFor(path, FILE, clip))
      const greys = await measured(join(dir, 'output.mp4'), 'signalstats', 'signalstats.YAVG')
      return greys.map((luma) => Math.round((luma - 20) / 6))
    }

    test('every frame is in the output, once', async () => {
      expect(await framesOf(null)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    })

    test('a clip holds the frames of its time, and no other', async () => {
      expect(await framesOf({ start_sec: 0.5, duration_sec: 0.2 })).toEqual([15, 16, 17, 18, 19, 20])
    })
  })

  test.each<[SourceKind, string]>([
    ['interlaced', 'null'],
    // Its lines are columns by now.
    ['interlaced-rotated', 'transpose'],
  ])('an interlaced picture has no combs any more (%s)', async (kind, back) => {
    const path = await makeSource(root, kind, { size: '320x180' })
    const { dir } = await encoded(path, await planFor(path, FILE))
    const combed = (file: string, before: string) =>
      measured(file, `${before},idet`, 'idet.multiple.tff', 'idet.multiple.bff')
    expect(Math.max(...(await combed(path, 'null')))).toBeGreaterThan(15)
    expect(Math.max(...(await combed(join(dir, 'output.mp4'), back)))).toBeLessThan(8)
  })

  test('HDR is neither black nor burnt out in SDR', async () => {
    const path = await makeSource(root, 'hdr', { size: '160x90', sec: 0.3 })
    const { dir } = await encoded(path, await planFor(path, FILE))
    const [luma = 0] = await measured(join(dir, 'output.mp4'), 'signalstats', 'signalstats.YAVG')
    expect(luma).toBeGreaterThan(60)
    expect(luma).toBeLessThan(200)
  })

  test('loud sound on six channels is mixed down without being clipped', async () => {
    const path = await makeSource(root, 'loud-surround', { size: '160x90' })
    const { dir } = await encoded(path, await planFor(path, FILE))
    const peaks = await measured(join(dir, 'output.mp4'), 'astats=metadata=1:reset=1', 'astats.Overall.Peak_level')
    expect(Math.max(...peaks.filter(Number.isFinite))).toBeLessThan(0)
    // What is turned down for loudness' sake alone would be too quiet.
    expect(Math.max(...peaks)).toBeGreaterThan(-3)
  })

  test('nothing that the source says of itself gets into the output, and its index stands first', async () => {
    const plain = await makeSource(root, 'plain', { size: '160x90' })
    const told = join(root, 'told.mp4')
    const tags = ['-metadata', 'title=secret', '-metadata', 'location=+48.1+11.5/']
    await runProgram('ffmpeg', ['-v', 'error', '-i', plain, '-c', 'copy', ...tags, told], { timeoutMs: 20_000, signal })
    const { dir } = await encoded(told, await planFor(told, FILE))
    const bytes = await readFile(join(dir, 'output.mp4'))
    expect(bytes.includes('secret') || bytes.includes('+48.1')).toBe(false)
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
    expect((await readFile(told)).includes('secret')).toBe(true)
  })
})
