import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Clip } from '../../../shared/contract/jobs.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { measureFrames } from '../../testing/media-facts.ts'
import { encodeWhole } from '../chunks/testing/encode-both-ways.ts'
import { runFfmpeg } from '../chunks/testing/inspect-media.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-clips-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

const AV: Preset = {
  description: 'video and audio',
  container: 'mp4',
  segment_sec: null,
  video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 90, crf: 18, kbps: null }] },
  audio: { codec: 'aac', kbps: 64 },
}

/** The luma of frame n is 16 + 2n. */
const GREYS = 'color=gray:s=160x90:r=25:d=4,geq=lum=16+2*N:cb=128:cr=128'
/** 100 frames in 4 s. */
const VIDEO = ['-f', 'lavfi', '-i', GREYS]
const TONE = (sec: number) => ['-f', 'lavfi', '-i', `sine=d=${sec}`]
const X264 = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-sc_threshold', '0']

/** A file to make: its name, and the options of its filters, encoders and format. */
type Source = readonly [name: string, args: readonly string[]]

/** Makes files of the same inputs in one run, which costs little more than one of them. */
async function makeAll(inputs: readonly string[], sources: readonly Source[]): Promise<void> {
  const outputs = sources.flatMap(([name, args]) => [...args, join(root, name)])
  await runFfmpeg(['-v', 'error', ...inputs, ...outputs])
}

async function makeOne(inputs: readonly string[], name: string, args: readonly string[]): Promise<string> {
  await makeAll(inputs, [[name, args]])
  return join(root, name)
}

/** Returns the numbers of the frames that a clip shows. */
async function framesOf(inputPath: string, clip: Clip): Promise<number[]> {
  const dir = await mkdtemp(join(root, 'job-'))
  return greysOf(await encodeWhole({ dir, inputPath, preset: AV, chunks: 1, clip }))
}

async function greysOf(out: string): Promise<number[]> {
  const greys = await measureFrames(join(out, 'output.mp4'), 'signalstats', 'signalstats.YAVG')
  return greys.map((luma) => Math.round((luma - 16) / 2))
}

const range = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i)
const times = (count: number, frame: number) => Array.from({ length: count }, () => frame)

describe('a clip begins with the frame at its start time', () => {
  const OPEN = ['-c:v', 'mpeg2video', '-q:v', '2', '-g', '12', '-bf', '2', '-flags', '-cgop']
  const FRAGMENTS = 'frag_keyframe+empty_moov+default_base_moof'
  const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=30:bframes=3']
  const gop = (frames: number, ...more: string[]) => [...X264, '-g', String(frames), '-bf', '3', ...more]
  const FORMATS: readonly [string, string, string[]][] = [
    ['MPEG-TS with H.264', 'closed.ts', gop(60)],
    ['MPEG-TS with one key frame', 'long.ts', gop(250)],
    ['MPEG-TS with MPEG-2 in open GOPs', 'open.ts', OPEN],
    ['MPEG-TS with H.265', 'hevc.ts', X265],
    ['an MPEG program stream', 'program.mpg', OPEN],
    ['plain H.264', 'plain.h264', [...gop(30), '-an']],
    ['plain H.265', 'plain.h265', [...X265, '-an']],
    ['FLV', 'x.flv', gop(30)],
    ['AVI with B-frames', 'x.avi', ['-c:v', 'mpeg4', '-q:v', '2', '-bf', '2', '-c:a', 'pcm_s16le']],
    ['MP4', 'x.mp4', gop(10)],
    ['MP4 with open GOPs', 'open.mp4', gop(12, '-x264-params', 'open-gop=1')],
    ['MP4 in fragments', 'fragments.mp4', gop(25, '-movflags', FRAGMENTS)],
    ['MP4 in fragments with an index', 'indexed.mp4', gop(25, '-movflags', `${FRAGMENTS}+global_sidx`)],
    ['Matroska', 'x.mkv', gop(30)],
    ['Matroska without an index', 'live.mkv', gop(30, '-live', '1')],
  ]
  beforeAll(() =>
    makeAll(
      [...VIDEO, ...TONE(4)],
      FORMATS.map(([, name, args]) => [name, args]),
    ),
  )

  test.each(FORMATS)('of %s', async (_, name) => {
    expect(await framesOf(join(root, name), { start_sec: 3.32, duration_sec: 0.4 })).toEqual(range(83, 93))
  })
})

describe('a clip has the audio of its time range', () => {
  const FILES = ['beep.ts', 'beep.mp4', 'beep.mkv']
  beforeAll(() => {
    const beep = ['-f', 'lavfi', '-i', "aevalsrc='if(gte(t,3.5),sin(2000*t),0)':s=48000:d=4"]
    return makeAll(
      [...VIDEO, ...beep],
      FILES.map((name) => [name, [...X264, '-g', '10']]),
    )
  })

  test.each(FILES)('%s', async (name) => {
    const dir = await mkdtemp(join(root, 'job-'))
    const clip = { start_sec: 3.2, duration_sec: 0.6 }
    const out = await encodeWhole({ dir, inputPath: join(root, name), preset: AV, chunks: 1, clip })
    expect(await silenceEndSec(join(out, 'output.mp4'))).toBeCloseTo(0.3, 1)
  })
})

/** Returns when the silence at the start of a file ends. */
async function silenceEndSec(path: string): Promise<number> {
  const { stderr } = await runFfmpeg(['-i', path, '-af', 'silencedetect=n=-30dB:d=0.1', '-f', 'null', '-'])
  return Number(/silence_start: -?0\D[\s\S]*?silence_end: ([\d.]+)/.exec(stderr)?.[1])
}

/** Returns the length of an MP4's first track, in seconds, as its header says (ISO/IEC 14496-12 §8.2.2 and §8.3.2). */
async function lengthOf(path: string): Promise<number> {
  const bytes = await readFile(path)
  const [movieAt, trackAt] = [bytes.indexOf('mvhd') + 4, bytes.indexOf('tkhd') + 4]
  return bytes.readUInt32BE(trackAt + 20) / bytes.readUInt32BE(movieAt + 12)
}

describe('for an input whose audio begins after its video has ended', () => {
  const AUDIO_ONLY: Preset = { ...AV, video: null }
  const VIDEO_ONLY: Preset = { ...AV, audio: null }

  const KINDS = ['mp4', 'mkv', 'ts']
  beforeAll(() => {
    const args = ['-af', 'asetpts=PTS+2/TB', '-vf', 'trim=end_frame=25', ...X264]
    return makeAll(
      [...VIDEO, ...TONE(1.6)],
      KINDS.map((kind) => [`late.${kind}`, args]),
    )
  })

  async function outputOf(kind: string, preset: Preset, clip?: Clip): Promise<string> {
    const dir = await mkdtemp(join(root, 'job-'))
    const inputPath = join(root, `late.${kind}`)
    const out = await encodeWhole({ dir, inputPath, preset, chunks: 1, ...(clip && { clip }) })
    return join(out, preset.video === null ? 'output.m4a' : 'output.mp4')
  }

  test.each(KINDS)('every output is as long as the input, with the audio at its time (%s)', async (kind) => {
    const [both, audioOnly] = [await outputOf(kind, AV), await outputOf(kind, AUDIO_ONLY)]
    for (const path of [both, audioOnly]) {
      expect(await lengthOf(path)).toBeCloseTo(3.6, 1)
      expect(await silenceEndSec(path)).toBeCloseTo(2, 1)
    }
    expect(await lengthOf(await outputOf(kind, VIDEO_ONLY))).toBeCloseTo(3.6, 1)
  })

  test.each(KINDS)('a clip shows the same time range in every output (%s)', async (kind) => {
    for (const preset of [AV, AUDIO_ONLY]) {
      const early = await outputOf(kind, preset, { start_sec: 0, duration_sec: 0.5 })
      expect(await lengthOf(early)).toBeCloseTo(0.5, 1)
      expect(await silenceEndSec(early)).toBeCloseTo(0.5, 1)
      const late = await outputOf(kind, preset, { start_sec: 1.6, duration_sec: 1 })
      expect(await lengthOf(late)).toBeCloseTo(1, 1)
      expect(await silenceEndSec(late)).toBeCloseTo(0.4, 1)
    }
  })
})

describe('an AVI, which has no display times for its first frames, keeps all frames', () => {
  const CODECS = [
    ['MPEG-4', ['-c:v', 'mpeg4', '-q:v', '2', '-bf', '2']],
    ['H.264', [...X264, '-bf', '3']],
    ['MPEG-4 without B-frames', ['-c:v', 'mpeg4', '-q:v', '2']],
  ] as const
  beforeAll(() =>
    makeAll(
      [...VIDEO, ...TONE(4)],
      CODECS.map(([name, args]) => [`${name}.avi`, [...args, '-c:a', 'pcm_s16le']]),
    ),
  )

  test.each(CODECS)('%s', async (name) => {
    const dir = await mkdtemp(join(root, 'job-'))
    const out = await encodeWhole({ dir, inputPath: join(root, `${name}.avi`), preset: AV, chunks: 1 })
    expect(await greysOf(out)).toEqual(range(0, 100))
  })
})

describe('a video without its audio keeps all frames, although the audio begins earlier', () => {
  const FILES = ['early.ts', 'early.mp4']
  beforeAll(() =>
    makeAll(
      [...VIDEO, ...TONE(4)],
      FILES.map((name) => [name, ['-vf', 'setpts=PTS+0.08/TB', '-t', '2', ...X264]]),
    ),
  )

  test.each(FILES)('%s', async (name) => {
    const dir = await mkdtemp(join(root, 'job-'))
    const out = await encodeWhole({ dir, inputPath: join(root, name), preset: { ...AV, audio: null }, chunks: 1 })
    expect((await greysOf(out)).slice(0, 4)).toEqual([0, 1, 2, 3])
  })
})

test('if the audio ends before the video, every output is as long as the video', async () => {
  const path = await makeOne([...VIDEO, ...TONE(1)], 'short-sound.mp4', X264)
  for (const clip of [undefined, { start_sec: 2, duration_sec: 1 }]) {
    const dir = await mkdtemp(join(root, 'job-'))
    const preset = { ...AV, video: null }
    const out = await encodeWhole({ dir, inputPath: path, preset, chunks: 1, ...(clip && { clip }) })
    expect(await lengthOf(join(out, 'output.m4a'))).toBeCloseTo(clip?.duration_sec ?? 4, 1)
  }
})

describe('a clip shows what was on screen at its time', () => {
  const HELD = ['-vf', "select='lt(n,25)+eq(n,50)+eq(n,90)'", '-fps_mode', 'vfr', ...X264]
  const ENDED = ['-vf', 'trim=end_frame=50', ...X264]
  const KINDS = ['mp4', 'mkv', 'ts']
  beforeAll(() =>
    makeAll(
      [...VIDEO, ...TONE(4)],
      KINDS.flatMap((kind): Source[] => [
        [`held.${kind}`, HELD],
        [`ended.${kind}`, ENDED],
      ]),
    ),
  )

  test.each(KINDS)('where it begins while a frame is held (%s)', async (kind) => {
    const path = join(root, `held.${kind}`)
    expect(await framesOf(path, { start_sec: 2.4, duration_sec: 1 })).toEqual(times(25, 50))
    expect(await framesOf(path, { start_sec: 1.4, duration_sec: 1 })).toEqual([...times(15, 24), ...times(10, 50)])
  })

  test.each(['still.mp4', 'still.mkv'])('for a still image with audio (%s)', async (name) => {
    const still = ['-f', 'lavfi', '-i', 'color=gray:s=160x90:r=1/4:d=4,geq=lum=16+2*60:cb=128:cr=128']
    const path = await makeOne([...still, ...TONE(4)], name, X264)
    expect(await framesOf(path, { start_sec: 1.5, duration_sec: 2 })).toEqual(times(2, 60))
  })

  test.each(KINDS)('where the video has ended (%s)', async (kind) => {
    const path = join(root, `ended.${kind}`)
    expect(await framesOf(path, { start_sec: 3, duration_sec: 0.6 })).toEqual(times(15, 49))
    expect(await framesOf(path, { start_sec: 1.92, duration_sec: 0.2 })).toEqual([48, ...times(4, 49)])
  })

  test('before the video begins: its first frame', async () => {
    const late = ['-vf', 'setpts=PTS+2/TB', '-t', '4', ...X264]
    const path = await makeOne([...VIDEO, ...TONE(4)], 'late-picture.mkv', late)
    expect(await framesOf(path, { start_sec: 1.6, duration_sec: 0.6 })).toEqual([...times(10, 0), 0, 1, 2, 3, 4])
  })
})
