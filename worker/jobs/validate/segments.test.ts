import { mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { encodeSet } from '../manifests/testing/encoded-sets.ts'
import {
  copyOutput,
  editFile,
  runFfmpeg,
  findingsOf,
  finishOutput,
  type FinishedOutput,
  overwriteBytes,
  reencode,
  swapFiles,
  validate,
} from './testing/outputs.ts'

let ladder: FinishedOutput
let cmaf: FinishedOutput
beforeAll(async () => {
  ladder = await finishOutput(
    await encodeSet({ container: 'hls', heights: [180, 90], hasAudio: true, durationSec: 3.4 }),
  )
  cmaf = await finishOutput(await encodeSet({ container: 'cmaf', heights: [90], hasAudio: true, durationSec: 3.4 }))
})
afterAll(async () => {
  await ladder[Symbol.asyncDispose]()
  await cmaf[Symbol.asyncDispose]()
})

/** Returns the errors after the media were damaged; with `isRelisted`, playlists and manifests describe the damaged media. */
async function broken(
  output: FinishedOutput,
  damage: (copy: FinishedOutput) => Promise<void>,
  { isRelisted, ...changes }: Parameters<typeof findingsOf>[1] & { readonly isRelisted?: boolean } = {},
): Promise<string[]> {
  await using copy = await copyOutput(output)
  await damage(copy)
  const { set } = isRelisted === true ? await finishOutput({ dir: copy.set.dir, plan: copy.plan }) : copy
  const found = await findingsOf({ ...copy, set }, { hlsDepth: 'full', ...changes })
  return found.filter((line) => line.startsWith('E '))
}

/** Replaces every segment of a rendition by ffmpeg's copy of it, with the same timestamps. */
async function remakeRendition(copy: FinishedOutput, index: number, args: readonly string[]): Promise<void> {
  const names = copy.set.files.filter((name) => name.startsWith(`segment_${index}_`))
  const times = ['-muxdelay', '0', '-muxpreload', '0', '-copyts']
  for (const name of names) await reencode(copy, name, ['-copyts', '-i', 'INPUT', ...args, ...times, '-f', 'mpegts'])
}

/** Removes a segment and its entry in the playlist. */
async function drop(copy: FinishedOutput, name: string): Promise<void> {
  await rm(join(copy.set.dir, name))
  const playlist = `stream_${/_(\d)/.exec(name)?.[1]}.m3u8`
  await editFile(copy, playlist, (text) => text.replace(new RegExp(`#EXTINF.*\n${name}\n`), ''))
}

const TS_PACKET_BYTES = 188

/** Replaces the middle third of a segment by stuffing packets; its size stays the same. */
async function blank({ set }: FinishedOutput, name: string): Promise<void> {
  const bytes = await readFile(join(set.dir, name))
  const packets = bytes.length / TS_PACKET_BYTES
  const stuffing = Buffer.concat([Buffer.from([0x47, 0x1f, 0xff, 0x10]), Buffer.alloc(TS_PACKET_BYTES - 4, 0xff)])
  for (let i = Math.floor(packets / 3); i < (packets * 2) / 3; i += 1) stuffing.copy(bytes, i * TS_PACKET_BYTES)
  await writeFile(join(set.dir, name), bytes)
}

async function cutShort({ set }: FinishedOutput, name: string): Promise<void> {
  const { size } = await stat(join(set.dir, name))
  await truncate(join(set.dir, name), Math.floor(size / 2 / TS_PACKET_BYTES) * TS_PACKET_BYTES)
}

describe('a segment', () => {
  it('that was truncated is an error', async () => {
    const found = await broken(ladder, (copy) => cutShort(copy, 'segment_1_001.ts'))
    expect(found).toContain('E HLS_DURATION_MISMATCH segment_1_001.ts')
    const chunk = await broken(cmaf, ({ set }) => truncate(join(set.dir, 'chunk_0_2.m4s'), 2000))
    expect(chunk[0]).toBe('E HLS_DURATION_MISMATCH chunk_0_2.m4s')
  })

  it('that lacks frames is an error', async () => {
    const found = await broken(ladder, (copy) => blank(copy, 'segment_1_001.ts'))
    expect(found).toContain('E HLS_DURATION_MISMATCH segment_1_001.ts')
  })

  it('in the place of another segment of the same duration is an error', async () => {
    const places = ['segment_0_001.ts', 'segment_0_002.ts'] as const
    const found = await broken(ladder, (copy) => swapFiles(copy, ...places))
    const names = [...places, 'segment_0_003.ts']
    expect(found).toEqual(names.map((name) => `E HLS_DURATION_MISMATCH ${name}`))
    const chunks = await broken(cmaf, (copy) => swapFiles(copy, 'chunk_0_2.m4s', 'chunk_0_3.m4s'))
    expect(chunks).toContain('E HLS_DURATION_MISMATCH chunk_0_2.m4s')
  })

  it('that does not begin with a keyframe is an error', async () => {
    const { dir, plan } = await encodeSet({ container: 'hls', heights: [90], hasAudio: false, durationSec: 2 })
    await using output = await finishOutput({ dir, plan })
    await runFfmpeg(
      output.set.dir,
      [
        ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=2', '-c:v', 'libx264', '-preset', 'ultrafast'],
        ['-pix_fmt', 'yuv420p', '-g', '250', '-f', 'hls', '-hls_time', '1', '-hls_flags', 'split_by_time'],
        ['-hls_playlist_type', 'vod', '-hls_segment_filename', 'segment_0_%03d.ts', 'stream_0.m3u8'],
      ].flat(),
    )
    expect(await findingsOf(output)).toContain('E CODEC_MISMATCH segment_0_001.ts')
  })

  it('without video is an error', async () => {
    const found = await broken(ladder, async (copy) => {
      const times = ['-muxdelay', '0', '-muxpreload', '0', '-copyts', '-f', 'mpegts']
      await reencode(copy, 'segment_1_001.ts', ['-copyts', '-i', 'INPUT', '-vn', '-c', 'copy', ...times])
    })
    expect(found).toContain('E HLS_SEGMENT_MISSING segment_1_001.ts')
  })

  it('in the middle is found at depth full; at depth medium, its frames are counted with all others', async () => {
    const middle = (copy: FinishedOutput) => blank(copy, 'segment_1_001.ts')
    const counted = ['E HLS_DURATION_MISMATCH stream_1.m3u8']
    expect(await broken(ladder, middle, { hlsDepth: 'medium' })).toEqual(counted)
    expect(await broken(ladder, middle, { hlsDepth: 'basic' })).toEqual([])
    const last = (copy: FinishedOutput) => blank(copy, 'segment_1_002.ts')
    expect(await broken(ladder, last, { hlsDepth: 'medium' })).toContain('E HLS_DURATION_MISMATCH segment_1_002.ts')
    expect(await broken(ladder, last, { hlsDepth: 'basic' })).toEqual([])
  })
})

describe('a rendition', () => {
  it('of hundreds of segments is checked to its end', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tallylight-long-'))
    await runFfmpeg(
      dir,
      [
        ['-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=10:d=21', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '1'],
        ['-pix_fmt', 'yuv420p', '-f', 'hls', '-hls_time', '0.1', '-hls_playlist_type', 'vod'],
        ['-hls_segment_filename', 'segment_0_%03d.ts', 'stream_0.m3u8'],
      ].flat(),
    )
    const rendition = { index: 0, width: 64, height: 64, crf: 23, kbps: null }
    const video = ladder.plan.video && { ...ladder.plan.video, fps: { num: 10, den: 1 }, gopFrames: 1 }
    const plan = { ...ladder.plan, audio: null, durationSec: 21, segmentSec: 1 }
    await using output = await finishOutput({
      dir,
      plan: { ...plan, video: video && { ...video, renditions: [rendition] } },
    })
    expect(output.set.files).toContain('segment_0_209.ts')
    expect((await validate(output, { level: 'strict' })).errors).toEqual([])
    await swapFiles(output, 'segment_0_199.ts', 'segment_0_205.ts')
    const { errors } = await validate(output, { hlsDepth: 'full' })
    const found = new Set(errors.map(({ code, file }) => `${code} ${file}`))
    expect([...found]).toEqual(['199', '200', '205', '206'].map((n) => `HLS_DURATION_MISMATCH segment_0_${n}.ts`))
  })

  it('with a damaged initialization segment is an error', async () => {
    const found = await broken(cmaf, (copy) => overwriteBytes(copy, 'init_0.m4s', 0, Buffer.alloc(400, 0x5a)))
    expect(found).toEqual(['E FFPROBE_FAILED init_0.m4s'])
  })

  it('without audio, or without video, is an error', async () => {
    const withoutAudio = await broken(ladder, (copy) => remakeRendition(copy, 1, ['-map', '0:v', '-c', 'copy']))
    expect(withoutAudio).toEqual(['E NO_AUDIO_STREAM stream_1.m3u8'])
    const withoutVideo = await broken(ladder, (copy) => remakeRendition(copy, 1, ['-map', '0:a', '-c', 'copy']))
    expect(withoutVideo).toEqual(['E NO_VIDEO_STREAM stream_1.m3u8'])
  })

  it('of another resolution is an error', async () => {
    const found = await broken(ladder, async (copy) => {
      const names = copy.set.files.filter((name) => name.startsWith('segment_0_'))
      for (const name of names) await swapFiles(copy, name, name.replace('_0_', '_1_'))
    })
    expect(found).toEqual(['E RESOLUTION_MISMATCH stream_0.m3u8', 'E RESOLUTION_MISMATCH stream_1.m3u8'])
  })

  it('of another codec is an error', async () => {
    const mpeg2 = ['-map', '0', '-c:v', 'mpeg2video', '-g', '25', '-c:a', 'copy']
    const found = await broken(ladder, (copy) => remakeRendition(copy, 0, mpeg2), { hlsDepth: 'basic' })
    expect(found).toEqual(['E CODEC_MISMATCH stream_0.m3u8'])
  })

  it('that is not aligned with the first is an error', async () => {
    const late = ['-map', '0', '-c', 'copy', '-output_ts_offset', '0.2']
    const found = await broken(ladder, (copy) => remakeRendition(copy, 1, late))
    expect(found).toContain('E HLS_DURATION_MISMATCH segment_1_000.ts')
    expect(found.every((line) => line.startsWith('E HLS_DURATION_MISMATCH segment_1_'))).toBe(true)
  })

  it('that lacks its end is an error, even where its playlist says so', async () => {
    const found = await broken(ladder, (copy) => drop(copy, 'segment_1_003.ts'), { isRelisted: true })
    expect(found).toEqual(['E HLS_SEGMENT_MISSING stream_1.m3u8'])
  })
})

describe('an output that was truncated', () => {
  it('is an error, even where all playlists say so', async () => {
    const names = ['1', '2', '3'].flatMap((n) => [`segment_0_00${n}.ts`, `segment_1_00${n}.ts`])
    const cut = async (copy: FinishedOutput) => {
      for (const name of names) await drop(copy, name)
    }
    const found = await broken(ladder, cut, { isRelisted: true })
    expect(found).toEqual(['E HLS_DURATION_MISMATCH stream_0.m3u8', 'E HLS_DURATION_MISMATCH stream_1.m3u8'])
  })
})

describe('audio', () => {
  it('that is late in a rendition is an error', async () => {
    await using copy = await copyOutput(ladder)
    const names = copy.set.files.filter((name) => name.startsWith('segment_1_'))
    for (const name of names) {
      const late = ['-copyts', '-i', name, '-itsoffset', '0.3', '-copyts', '-i', name, '-map', '0:v', '-map', '1:a']
      const times = ['-muxdelay', '0', '-muxpreload', '0', '-copyts', '-f', 'mpegts']
      await runFfmpeg(copy.set.dir, [...late, '-c', 'copy', ...times, 'late.ts'])
      await rename(join(copy.set.dir, 'late.ts'), join(copy.set.dir, name))
    }
    const { errors } = await validate(copy)
    expect(errors).toMatchObject([
      {
        code: 'AV_SYNC_ERROR',
        file: 'stream_1.m3u8',
        message: expect.stringMatching(/begins (?:2[789]\d|300) ms after/),
      },
      { code: 'AV_SYNC_ERROR', file: 'stream_1.m3u8' },
    ])
  })

  it('in a rendition of its own that ends before the video is an error', async () => {
    const last = cmaf.set.files.findLast((name) => name.startsWith('chunk_1_')) ?? ''
    const found = await broken(cmaf, (copy) => drop(copy, last), { isRelisted: true, hlsDepth: 'medium' })
    expect(found).toEqual(['E AV_SYNC_ERROR stream_0.m3u8'])
  })
})

describe('video that cannot be decoded', () => {
  it('is an error at level strict and where a full decode is requested', async () => {
    await using copy = await copyOutput(ladder)
    // Damages payloads only: the transport stream itself stays valid.
    await overwriteBytes(copy, 'segment_0_002.ts', 0.02, Buffer.alloc(4, 0xa5))
    const name = join(copy.set.dir, 'segment_0_002.ts')
    const bytes = await readFile(name)
    for (let at = 10 * TS_PACKET_BYTES; at < 30 * TS_PACKET_BYTES; at += TS_PACKET_BYTES)
      bytes.fill(0xa5, at + 100, at + 188)
    await writeFile(name, bytes)
    expect(await findingsOf(copy, { hlsDepth: 'full' })).toEqual([])
    expect(await findingsOf(copy, { level: 'strict' })).toEqual(['E DECODE_ERROR stream_0.m3u8'])
    expect(await findingsOf(copy, { decodeTest: true })).toEqual(['E DECODE_ERROR stream_0.m3u8'])
    expect(await findingsOf(copy, { level: 'minimal', decodeTest: true })).toEqual(['E DECODE_ERROR master.m3u8'])
  })
})
