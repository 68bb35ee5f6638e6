import { chmod, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { OutputPlan } from '../plan/output-plan.ts'
import {
  copyOutput,
  findingsOf,
  type FinishedOutput,
  encodeFile,
  overwriteBytes,
  reencode,
  validate,
} from './testing/outputs.ts'

const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=3']
const SOUND = ['-f', 'lavfi', '-i', 'sine=440:r=48000:d=3']
const AAC = ['-c:a', 'aac', '-b:a', '64k', '-ac', '2']
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '50']

const plan: OutputPlan = {
  container: 'mp4',
  outputType: 'single',
  video: {
    codec: 'h264',
    speed: 'ultrafast',
    fps: { num: 25, den: 1 },
    gopFrames: 50,
    renditions: [{ index: 0, width: 160, height: 90, crf: 23, kbps: null }],
    isDeinterlaced: false,
    isToneMapped: false,
  },
  audio: { kbps: 64, channels: 2, sampleRate: 48_000 },
  inputHasAudio: true,
  leftOut: { video: null, audio: null },
  inputProblem: null,
  segmentSec: null,
  durationSec: 3,
  startSec: 0,
}

function withVideo(changes: Partial<NonNullable<OutputPlan['video']>>): OutputPlan {
  return { ...plan, video: plan.video && { ...plan.video, ...changes } }
}

let good: FinishedOutput
beforeAll(async () => {
  good = await encodeFile(plan, [...PICTURE, ...SOUND, ...X264, ...AAC, '-movflags', '+faststart'])
})
afterAll(() => good[Symbol.asyncDispose]())

/** Returns the findings after ffmpeg has replaced the file. */
async function remade(args: readonly string[], changes: Parameters<typeof findingsOf>[1] = {}) {
  await using broken = await copyOutput(good)
  await reencode(broken, 'output.mp4', ['-i', 'INPUT', ...args])
  return await findingsOf(broken, changes)
}

describe('a valid file', () => {
  it('has no findings at any level', async () => {
    for (const level of ['minimal', 'standard', 'strict'] as const) {
      const result = await validate(good, { level })
      expect(result).toMatchObject({ level, is_valid: true, errors: [], warnings: [] })
      expect(result.duration_ms).toBeGreaterThan(0)
    }
  })

  it.each([
    [
      'h265',
      [...PICTURE, '-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1', '-x265-params', 'log-level=none'],
    ],
    ['av1', [...PICTURE, '-c:v', 'libsvtav1', '-preset', '12', '-crf', '40']],
  ] as const)('passes level strict in %s', async (codec, args) => {
    await using made = await encodeFile({ ...withVideo({ codec }), audio: null }, [...args, '-pix_fmt', 'yuv420p'])
    expect(await findingsOf(made, { level: 'strict' })).toEqual([])
  })

  it('passes level strict with audio only', async () => {
    await using made = await encodeFile({ ...plan, video: null }, [...SOUND, ...AAC])
    expect(await findingsOf(made, { level: 'strict' })).toEqual([])
  })
})

describe('a file', () => {
  it.each(['minimal', 'standard', 'strict'] as const)(
    'that is missing or empty is an error at level %s',
    async (level) => {
      await using broken = await copyOutput(good)
      await truncate(join(broken.set.dir, 'output.mp4'), 0)
      expect(await findingsOf(broken, { level })).toEqual(['E FILE_EMPTY output.mp4'])
      await rm(join(broken.set.dir, 'output.mp4'))
      expect(await findingsOf(broken, { level })).toEqual(['E FILE_NOT_FOUND output.mp4'])
    },
  )

  it('beside the output is checked too', async () => {
    const set = { ...good.set, files: ['poster.jpg', ...good.set.files] }
    expect(await findingsOf(good, { level: 'minimal', set })).toEqual(['E FILE_NOT_FOUND poster.jpg'])
  })

  it('that ffprobe cannot read is an error', async () => {
    await using broken = await copyOutput(good)
    await overwriteBytes(broken, 'output.mp4', 0, Buffer.alloc(8192, 0x5a))
    const { errors } = await validate(broken, { level: 'minimal' })
    expect(errors).toMatchObject([{ code: 'FFPROBE_FAILED', file: 'output.mp4' }])
    expect(errors[0]?.message).toMatch(/^ffprobe failed: [^/@]+$/)
  })

  it('with a name like an option or a protocol is read like any other', async () => {
    await using odd = await copyOutput(good)
    for (const entry of ['-i http:x.mp4', 'concat:a|b.mp4']) {
      await writeFile(join(odd.set.dir, entry), '')
      expect(await findingsOf(odd, { set: { ...odd.set, files: [entry], entry } })).toEqual([`E FILE_EMPTY ${entry}`])
      await reencode(odd, 'output.mp4', ['-i', 'INPUT', '-c', 'copy', '-f', 'mp4', `file:${entry}`, '-c', 'copy'])
      expect(await findingsOf(odd, { set: { ...odd.set, files: [entry], entry } })).toEqual([])
    }
  })
})

/** Writes a program into the output's folder that replaces another one. */
async function script({ set }: FinishedOutput, name: string, text: string): Promise<string> {
  const path = join(set.dir, name)
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return path
}

describe('ffprobe', () => {
  const program = async (output: FinishedOutput, text: string) => {
    return { ffmpegPath: 'ffmpeg', ffprobePath: await script(output, 'ffprobe.sh', text) }
  }

  it('is repeated once where it fails', async () => {
    await using output = await copyOutput(good)
    // A probe may write no file.
    const once = 'if mkdir first 2>/dev/null; then echo broken >&2; exit 1; fi\nexec ffprobe "$@"'
    expect(await findingsOf(output, { tools: await program(output, once) })).toEqual([])
    const always = 'mkdir second 2>/dev/null || mkdir third 2>/dev/null || exec ffprobe "$@"\necho broken >&2; exit 1'
    const { errors } = await validate(output, { tools: await program(output, always) })
    expect(errors).toMatchObject([{ code: 'FFPROBE_FAILED', file: 'output.mp4', message: 'ffprobe failed: broken' }])
  })

  it('that does not end, or does not exist, is an error', async () => {
    await using output = await copyOutput(good)
    const endless = await validate(output, { tools: await program(output, 'exec sleep 60'), timeoutMs: 100 })
    expect(endless.errors).toMatchObject([{ code: 'FFPROBE_FAILED', message: 'ffprobe took longer than 0.1 s' }])
    const missing = await validate(output, { tools: { ffmpegPath: 'ffmpeg', ffprobePath: '/nowhere/ffprobe' } })
    expect(missing.errors).toMatchObject([{ code: 'FFPROBE_FAILED', message: 'ffprobe could not be started' }])
  })

  it('is ended at once when the job is aborted', async () => {
    await using output = await copyOutput(good)
    const tools = await program(output, 'exec sleep 60')
    await expect(validate(output, { tools, signal: AbortSignal.timeout(100) })).rejects.toThrow('aborted')
  })
})

describe('tracks', () => {
  it('that the plan has and the file lacks are errors', async () => {
    expect(await remade(['-c', 'copy', '-vn'], { level: 'minimal' })).toEqual(['E NO_VIDEO_STREAM output.mp4'])
    expect(await remade(['-c', 'copy', '-an'], { level: 'minimal' })).toEqual(['E NO_AUDIO_STREAM output.mp4'])
  })

  it('that the preset has and the input lacks are a warning', async () => {
    const silent = { ...plan, audio: null, inputHasAudio: false }
    const preset = { audio: { codec: 'aac', kbps: 64 } } as const
    const found = await remade(['-c', 'copy', '-an'], { plan: silent, preset, level: 'minimal' })
    expect(found).toEqual(['W NO_AUDIO_STREAM null'])
    expect(await remade(['-c', 'copy', '-an'], { plan: silent, preset: { audio: null } })).toEqual([])
  })

  it('that were not planned are errors', async () => {
    expect(await findingsOf(good, { plan: { ...plan, audio: null } })).toEqual(['E CODEC_MISMATCH output.mp4'])
    expect(await findingsOf(good, { plan: { ...plan, video: null } })).toEqual(['E CODEC_MISMATCH output.mp4'])
  })
})

describe('a mismatch with the plan', () => {
  const copySound = ['-c:a', 'copy']
  const yuv444 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv444p', ...copySound]
  it.each([
    ['codec is mpeg4, not h264', ['-c:v', 'mpeg4', ...copySound]],
    ['pixel format is yuv444p, not yuv420p', yuv444],
    ['profile is High 4:4:4 Predictive, not Constrained Baseline or Baseline or Main or High', yuv444],
    ['frame rate is 24.000, not 25.000', ['-r', '24', ...X264, ...copySound]],
    ['frame rate is 20.270, not 25.000', ['-vf', "select='mod(n,5)'", '-fps_mode', 'vfr', ...X264, ...copySound]],
    ['codec is ac3, not aac', ['-c:v', 'copy', '-c:a', 'ac3']],
    ['profile is Main, not LC', ['-c:v', 'copy', ...AAC, '-profile:a', 'aac_main']],
    ['sample rate is 44100, not 48000', ['-c:v', 'copy', ...AAC, '-ar', '44100']],
    ['number of channels is 1, not 2', ['-c:v', 'copy', ...AAC, '-ac', '1']],
  ])('is an error: %s', async (message, args) => {
    await using broken = await copyOutput(good)
    await reencode(broken, 'output.mp4', ['-i', 'INPUT', ...args])
    const { errors } = await validate(broken)
    expect(errors).toContainEqual({
      code: 'CODEC_MISMATCH',
      file: 'output.mp4',
      message: expect.stringContaining(message),
    })
    expect(errors.every(({ code }) => code === 'CODEC_MISMATCH')).toBe(true)
  })

  it('includes a tag that Apple players do not support', async () => {
    const h265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-tag:v', 'hev1']
    await using made = await encodeFile(withVideo({ codec: 'h265' }), [...PICTURE, ...SOUND, ...h265, ...AAC])
    const { errors } = await validate(made)
    expect(errors).toMatchObject([{ code: 'CODEC_MISMATCH', message: 'tag is hev1, not hvc1' }])
  })

  it('includes another resolution', async () => {
    expect(await remade(['-s', '128x72', ...X264, ...copySound])).toEqual(['E RESOLUTION_MISMATCH output.mp4'])
  })

  it('includes a duration that is too short, or too long', async () => {
    expect(await remade(['-c', 'copy', '-t', '0.8'])).toEqual(['E DURATION_TOO_SHORT output.mp4'])
    expect(await findingsOf(good, { plan: { ...plan, durationSec: 0.9 } })).toEqual(['W DURATION_TOO_LONG output.mp4'])
    expect(await findingsOf(good, { plan: { ...plan, durationSec: 4.9 } })).toEqual([])
  })

  it('of the bit rate is a warning', async () => {
    const rated = (kbps: number) => withVideo({ renditions: [{ index: 0, width: 160, height: 90, crf: null, kbps }] })
    expect(await remade(['-c:a', 'copy', ...X264, '-b:v', '400k'], { plan: rated(50) })).toEqual([
      'W BITRATE_ABNORMAL output.mp4',
    ])
    expect(await findingsOf(good, { plan: rated(9000) })).toEqual(['W BITRATE_ABNORMAL output.mp4'])
    const noise = ['-f', 'lavfi', '-i', 'nullsrc=s=160x90:r=25:d=3,geq=random(1)*255:128:128', ...SOUND]
    await using made = await encodeFile(plan, [...noise, ...X264, '-qp', '0', ...AAC])
    expect(await findingsOf(made)).toContain('W BITRATE_ABNORMAL output.mp4')
  })
})

describe('video and audio', () => {
  it('that do not begin together are an error', async () => {
    await using broken = await copyOutput(good)
    const late = ['-i', 'INPUT', '-itsoffset', '0.2', '-i', 'INPUT', '-map', '0:v', '-map', '1:a', '-c', 'copy']
    await reencode(broken, 'output.mp4', late)
    const { errors } = await validate(broken)
    expect(errors.map(({ code }) => code)).toEqual(['AV_SYNC_ERROR', 'AV_SYNC_ERROR'])
    expect(errors[0]?.message).toMatch(/^the audio begins (?:17|18|19|20)\d ms after the video$/)
  })

  it('that do not end together are an error', async () => {
    await using broken = await copyOutput(good)
    const short = ['-i', 'INPUT', '-t', '2.8', '-i', 'INPUT', '-map', '0:v', '-map', '1:a', '-c', 'copy']
    await reencode(broken, 'output.mp4', short)
    const { errors } = await validate(broken)
    expect(errors).toMatchObject([{ code: 'AV_SYNC_ERROR', message: expect.stringContaining('before the video') }])
  })
})

describe('video', () => {
  it('that cannot be decoded is an error at level strict and where a full decode is requested', async () => {
    await using broken = await copyOutput(good)
    await overwriteBytes(broken, 'output.mp4', 0.5, Buffer.alloc(600, 0xa5))
    expect(await findingsOf(broken)).toEqual([])
    expect(await findingsOf(broken, { level: 'strict' })).toEqual(['E DECODE_ERROR output.mp4'])
    expect(await findingsOf(broken, { level: 'minimal', decodeTest: true })).toEqual(['E DECODE_ERROR output.mp4'])
  })

  it('may take as long to decode as every program run, or four times its duration where that is longer', async () => {
    await using output = await copyOutput(good)
    const tools = {
      ffmpegPath: await script(output, 'ffmpeg.sh', 'sleep 2.5'),
      ffprobePath: await script(
        output,
        'ffprobe.sh',
        'echo "stream|index=0|codec_type=video"; echo "stream|index=1|codec_type=audio"',
      ),
    }
    const decoding = { level: 'minimal', decodeTest: true, timeoutMs: 2000, tools } as const
    expect(await findingsOf(output, decoding)).toEqual([])
    const { errors } = await validate(output, { ...decoding, plan: { ...plan, durationSec: 0.1 } })
    expect(errors).toMatchObject([{ code: 'DECODE_ERROR', message: 'a full decode took longer than 2 s' }])
  })

  it('counts as undecodable where ffmpeg cannot be started', async () => {
    const tools = { ffmpegPath: '/nowhere/ffmpeg', ffprobePath: 'ffprobe' }
    const { errors } = await validate(good, { decodeTest: true, tools })
    expect(errors).toMatchObject([{ code: 'DECODE_ERROR', message: 'a full decode could not be started' }])
  })
})
