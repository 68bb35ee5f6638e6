import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import type { Clip } from '../../../shared/contract/jobs.ts'
import { Preset } from '../../../shared/contract/presets.ts'
import { probeMedia } from '../../media/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSourceMedia, type SourceMediaKind } from '../../../shared/testing/source-media.ts'
import { concatenateFiles, readKeyframeTimes, measureFrames, inspectMedia } from '../../testing/media-facts.ts'
import type { EncodePlan } from '../plan/encode-plan.ts'
import { planOutput } from '../plan/plan-output.ts'
import { encode } from './encode.ts'

const signal = new AbortController().signal

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-encode-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function planFor(path: string, chosen: Preset, clip: Clip | null = null): Promise<EncodePlan> {
  const probed = await probeMedia('ffprobe', path, { timeoutMs: PATIENCE_MS, signal })
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const result = planOutput(probed.probe, chosen, clip)
  if (result.kind !== 'planned') throw new Error(result.failure.message)
  return result.plan
}

/** Encodes into a new folder, and returns the names of the files. */
async function encodeToFolder(path: string, plan: EncodePlan): Promise<{ dir: string; names: string[] }> {
  const dir = await mkdtemp(join(root, 'out-'))
  const run = { ffmpegPath: 'ffmpeg', dir, signal, timeoutMs: PATIENCE_MS, maxOutputBytes: 1e9, onProgress: () => {} }
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

describe('the renditions of a set', () => {
  let path: string
  beforeAll(async () => {
    path = await makeSourceMedia(root, 'cuts', { size: '320x180', sec: 3, fps: '30000/1001' })
  })

  /** Returns each rendition's number of segments, keyframe times, and decoding errors. */
  async function encodeRenditions(inputPath: string, chosen: Preset) {
    const plan = await planFor(inputPath, chosen)
    const { dir, names } = await encodeToFolder(inputPath, plan)
    const renditions = plan.video?.renditions.map(async ({ index, width, height }) => {
      const isSegment = (name: string) => name.startsWith(`segment_${index}_`) || name.startsWith(`chunk_${index}_`)
      const segments = names.filter(isSegment).toSorted((a, b) => numberOf(a) - numberOf(b))
      const init = names.filter((name) => name === `init_${index}.m4s`)
      const whole = await concatenateFiles(dir, [...init, ...segments], join(dir, `whole-${index}`))
      const { video, errors } = await inspectMedia(whole)
      const isAsPlanned = video?.['width'] === width && video['height'] === height
      return { segments: segments.length, keys: await readKeyframeTimes(whole), isAsPlanned, errors }
    })
    return Promise.all(renditions ?? [])
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
  ])(
    'have the same number of segments, each with one keyframe at the same time ($container, $video.codec)',
    async (fields) => {
      const renditions = await encodeRenditions(path, preset({ ...fields, segment_sec: 1 }))
      const expected = { segments: 3, keys: [0, 1.001, 2.002], isAsPlanned: true, errors: '' }
      expect(renditions).toEqual([expected, expected, expected])
    },
  )

  test('of the preset hls_720p_abr are three for a 720p input, each in its size', async () => {
    const presets: unknown = parse(
      await readFile(new URL('../../../gateway/jobs/presets.yaml', import.meta.url), 'utf8'),
    )
    const real = v.parse(v.record(v.string(), Preset), presets)['hls_720p_abr']
    if (real === undefined) throw new Error('the preset is missing')
    const inputPath = await makeSourceMedia(root, 'long-gop', { size: '1280x720', sec: 2, fps: '10' })
    const expected = { segments: 1, keys: [0], isAsPlanned: true, errors: '' }
    expect(await encodeRenditions(inputPath, real)).toEqual([expected, expected, expected])
  })
})

describe('video and audio', () => {
  async function factsOf(kind: SourceMediaKind) {
    const path = await makeSourceMedia(root, kind, { size: '160x90' })
    const { dir } = await encodeToFolder(path, await planFor(path, FILE))
    const { video, audio, errors } = await inspectMedia(join(dir, 'output.mp4'))
    const [frames, starts] = [video?.['nb_read_frames'], [video?.['start_time'], audio?.['start_time']].map(Number)]
    return { frames, starts, apartSec: Math.abs(Number(video?.['duration']) - Number(audio?.['duration'])), errors }
  }

  // ffmpeg 5.1 repeats the first frame once more than 7.1 does.
  test.each<[SourceMediaKind, RegExp]>([
    ['late-picture', /^4[23]$/],
    ['late-sound', /^30$/],
    ['short-picture', /^30$/],
  ])('begin and end together although they do not in the input (%s)', async (kind, count) => {
    const frames = expect.stringMatching(count)
    expect(await factsOf(kind)).toEqual({ frames, starts: [0, 0], apartSec: expect.closeTo(0, 1), errors: '' })
  })

  describe('of a file whose video begins a little after its audio', () => {
    let path: string
    beforeAll(async () => {
      // The luma of frame n is 20 + 6n.
      const grey = 'color=gray:s=160x90:r=30:d=1,geq=lum=20+6*N:cb=128:cr=128'
      const inputs = ['-f', 'lavfi', '-i', grey, '-f', 'lavfi', '-i', 'sine=d=1']
      const args = ['-nostdin', '-v', 'error', ...inputs, '-c:v', 'libx264', '-g', '12', '-c:a', 'aac', 'grey.mkv']
      await runProgram('ffmpeg', args, { timeoutMs: PATIENCE_MS, signal, cwd: root })
      path = join(root, 'grey.mkv')
    })

    async function framesOf(clip: Clip | null): Promise<number[]> {
      const { dir } = await encodeToFolder(path, await planFor(path, FILE, clip))
      const greys = await measureFrames(join(dir, 'output.mp4'), 'signalstats', 'signalstats.YAVG')
      return greys.map((luma) => Math.round((luma - 20) / 6))
    }

    test('every frame is in the output exactly once', async () => {
      expect(await framesOf(null)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    })

    test('a clip holds exactly the frames of its time range', async () => {
      expect(await framesOf({ start_sec: 0.5, duration_sec: 0.2 })).toEqual([15, 16, 17, 18, 19, 20])
    })
  })

  test.each<[SourceMediaKind, string]>([
    ['interlaced', 'null'],
    // The rotation has made columns of the lines.
    ['interlaced-rotated', 'transpose'],
  ])('an interlaced video is encoded without combing (%s)', async (kind, back) => {
    const path = await makeSourceMedia(root, kind, { size: '320x180' })
    const { dir } = await encodeToFolder(path, await planFor(path, FILE))
    const combed = (file: string, before: string) =>
      measureFrames(file, `${before},idet`, 'idet.multiple.tff', 'idet.multiple.bff')
    expect(Math.max(...(await combed(path, 'null')))).toBeGreaterThan(15)
    expect(Math.max(...(await combed(join(dir, 'output.mp4'), back)))).toBeLessThan(8)
  })

  test('HDR becomes SDR with a plausible brightness', async () => {
    const path = await makeSourceMedia(root, 'hdr', { size: '160x90', sec: 0.3 })
    const { dir } = await encodeToFolder(path, await planFor(path, FILE))
    const [luma = 0] = await measureFrames(join(dir, 'output.mp4'), 'signalstats', 'signalstats.YAVG')
    expect(luma).toBeGreaterThan(60)
    expect(luma).toBeLessThan(200)
  })

  test.each([
    ['of even sides', '160:90'],
    ['of odd sides', '161:91'],
  ])('BT.2020 without HDR becomes BT.709 with the same colours (%s)', async (_, size) => {
    const name = `wide-${size.replace(':', 'x')}.mkv`
    const toWide = 'zscale=min=gbr:pin=bt709:tin=bt709:m=bt2020nc:p=bt2020:t=bt709:r=tv'
    const filters = `scale=${size},format=gbrp,${toWide},format=yuv444p10le,format=yuv420p10le`
    const args = ['-f', 'lavfi', '-i', 'color=0x20c040:s=160x90:r=25:d=0.2', '-vf', filters, '-c:v', 'ffv1', name]
    await runProgram('ffmpeg', ['-nostdin', '-v', 'error', ...args], { timeoutMs: PATIENCE_MS, signal, cwd: root })
    const path = join(root, name)
    const { dir } = await encodeToFolder(path, await planFor(path, FILE))
    const output = join(dir, 'output.mp4')
    const { video } = await inspectMedia(output)
    const stated = [video?.['color_space'], video?.['color_primaries'], video?.['color_transfer']]
    expect(stated).toEqual(['bt709', 'bt709', 'bt709'])
    const planes = ['YAVG', 'UAVG', 'VAVG'].map((plane) => `signalstats.${plane}`)
    const averages = await Promise.all(planes.map((plane) => measureFrames(output, 'signalstats', plane)))
    // #20c040 in BT.709 (ITU-R BT.709 §3).
    for (const [i, level] of [144, 88, 63].entries()) expect(Math.abs((averages[i]?.[0] ?? 0) - level)).toBeLessThan(2)
  })

  test('a picture that states no matrix is given that of its size, which a smaller output keeps', async () => {
    const path = await makeSourceMedia(root, 'plain', { size: '1280x720', sec: 0.2 })
    const small = preset({
      container: 'mp4',
      video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 180, crf: 23 }] },
    })
    const { dir } = await encodeToFolder(path, await planFor(path, small))
    expect((await inspectMedia(join(dir, 'output.mp4'))).video).toMatchObject({ height: 180, color_space: 'bt709' })
  })

  test('loud audio with six channels is downmixed without clipping', async () => {
    const path = await makeSourceMedia(root, 'loud-surround', { size: '160x90' })
    const { dir } = await encodeToFolder(path, await planFor(path, FILE))
    const peaks = await measureFrames(join(dir, 'output.mp4'), 'astats=metadata=1:reset=1', 'astats.Overall.Peak_level')
    expect(Math.max(...peaks.filter(Number.isFinite))).toBeLessThan(0)
    // Nor may the downmix be much quieter than necessary.
    expect(Math.max(...peaks)).toBeGreaterThan(-3)
  })

  test('the output has no metadata of the input, and its index comes first', async () => {
    const plain = await makeSourceMedia(root, 'plain', { size: '160x90' })
    const tagged = join(root, 'tagged.mp4')
    const tags = ['-metadata', 'title=secret', '-metadata', 'location=+48.1+11.5/']
    await runProgram('ffmpeg', ['-v', 'error', '-i', plain, '-c', 'copy', ...tags, tagged], {
      timeoutMs: PATIENCE_MS,
      signal,
    })
    const { dir } = await encodeToFolder(tagged, await planFor(tagged, FILE))
    const bytes = await readFile(join(dir, 'output.mp4'))
    expect(bytes.includes('secret') || bytes.includes('+48.1')).toBe(false)
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'))
    expect((await readFile(tagged)).includes('secret')).toBe(true)
  })
})
