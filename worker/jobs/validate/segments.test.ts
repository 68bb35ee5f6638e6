import { mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { makeSet } from '../manifests/testing/made-sets.ts'
import {
  copyOf,
  edit,
  ffmpeg,
  findingsOf,
  finished,
  type MadeOutput,
  overwrite,
  remake,
  swap,
  validate,
} from './testing/made-outputs.ts'

let ladder: MadeOutput
let cmaf: MadeOutput
beforeAll(async () => {
  ladder = await finished(await makeSet({ container: 'hls', heights: [180, 90], hasAudio: true, durationSec: 3.4 }))
  cmaf = await finished(await makeSet({ container: 'cmaf', heights: [90], hasAudio: true, durationSec: 3.4 }))
})
afterAll(async () => {
  await ladder[Symbol.asyncDispose]()
  await cmaf[Symbol.asyncDispose]()
})

/** Errors that are found when the media were broken; `isTold`: playlists and manifest were written after that, and are true. */
async function broken(
  output: MadeOutput,
  damage: (copy: MadeOutput) => Promise<void>,
  { isTold, ...changes }: Parameters<typeof findingsOf>[1] & { readonly isTold?: boolean } = {},
): Promise<string[]> {
  await using copy = await copyOf(output)
  await damage(copy)
  const { set } = isTold === true ? await finished({ dir: copy.set.dir, plan: copy.plan }) : copy
  const found = await findingsOf({ ...copy, set }, { hlsDepth: 'full', ...changes })
  return found.filter((line) => line.startsWith('E '))
}

/** Copies of every segment of a rendition, by ffmpeg's arguments, times as they were. */
async function remakeRendition(copy: MadeOutput, index: number, args: readonly string[]): Promise<void> {
  const names = copy.set.files.filter((name) => name.startsWith(`segment_${index}_`))
  const times = ['-muxdelay', '0', '-muxpreload', '0', '-copyts']
  for (const name of names) await remake(copy, name, ['-copyts', '-i', 'INPUT', ...args, ...times, '-f', 'mpegts'])
}

/** Removes a segment and all trace of it in its playlist. */
async function drop(copy: MadeOutput, name: string): Promise<void> {
  await rm(join(copy.set.dir, name))
  const playlist = `stream_${/_(\d)/.exec(name)?.[1]}.m3u8`
  await edit(copy, playlist, (text) => text.replace(new RegExp(`#EXTINF.*\n${name}\n`), ''))
}

const TS_PACKET_BYTES = 188

/** Puts stuffing in the place of the middle third of a segment: it is as large as it was. */
async function blank({ set }: MadeOutput, name: string): Promise<void> {
  const bytes = await readFile(join(set.dir, name))
  const packets = bytes.length / TS_PACKET_BYTES
  const stuffing = Buffer.concat([Buffer.from([0x47, 0x1f, 0xff, 0x10]), Buffer.alloc(TS_PACKET_BYTES - 4, 0xff)])
  for (let i = Math.floor(packets / 3); i < (packets * 2) / 3; i += 1) stuffing.copy(bytes, i * TS_PACKET_BYTES)
  await writeFile(join(set.dir, name), bytes)
}

async function cutShort({ set }: MadeOutput, name: string): Promise<void> {
  const { size } = await stat(join(set.dir, name))
  await truncate(join(set.dir, name), Math.floor(size / 2 / TS_PACKET_BYTES) * TS_PACKET_BYTES)
}

describe('a segment', () => {
  it('that was cut short is found', async () => {
    const found = await broken(ladder, (copy) => cutShort(copy, 'segment_1_001.ts'))
    expect(found).toContain('E HLS_DURATION_MISMATCH segment_1_001.ts')
    const chunk = await broken(cmaf, ({ set }) => truncate(join(set.dir, 'chunk_0_2.m4s'), 2000))
    expect(chunk[0]).toBe('E HLS_DURATION_MISMATCH chunk_0_2.m4s')
  })

  it('that lost frames on its way is found', async () => {
    const found = await broken(ladder, (copy) => blank(copy, 'segment_1_001.ts'))
    expect(found).toContain('E HLS_DURATION_MISMATCH segment_1_001.ts')
  })

  it('that stands in the place of another is found, though it is as long', async () => {
    const places = ['segment_0_001.ts', 'segment_0_002.ts'] as const
    const found = await broken(ladder, (copy) => swap(copy, ...places))
    const names = [...places, 'segment_0_003.ts']
    expect(found).toEqual(names.map((name) => `E HLS_DURATION_MISMATCH ${name}`))
    const chunks = await broken(cmaf, (copy) => swap(copy, 'chunk_0_2.m4s', 'chunk_0_3.m4s'))
    expect(chunks).toContain('E HLS_DURATION_MISMATCH chunk_0_2.m4s')
  })

  it('that does not begin with a key frame is found', async () => {
    const { dir, plan } = await makeSet({ container: 'hls', heights: [90], hasAudio: false, durationSec: 2 })
    await using output = await finished({ dir, plan })
    await ffmpeg(
      output.set.dir,
      [
        ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=2', '-c:v', 'libx264', '-preset', 'ultrafast'],
        ['-pix_fmt', 'yuv420p', '-g', '250', '-f', 'hls', '-hls_time', '1', '-hls_flags', 'split_by_time'],
        ['-hls_playlist_type', 'vod', '-hls_segment_filename', 'segment_0_%03d.ts', 'stream_0.m3u8'],
      ].flat(),
    )
    expect(await findingsOf(output)).toContain('E CODEC_MISMATCH segment_0_001.ts')
  })

  it('without a picture is found', async () => {
    const found = await broken(ladder, async (copy) => {
      const times = ['-muxdelay', '0', '-muxpreload', '0', '-copyts', '-f', 'mpegts']
      await remake(copy, 'segment_1_001.ts', ['-copyts', '-i', 'INPUT', '-vn', '-c', 'copy', ...times])
    })
    expect(found).toContain('E HLS_SEGMENT_MISSING segment_1_001.ts')
  })

  it('in the middle is not looked into where the depth does not ask for it', async () => {
    const middle = (copy: MadeOutput) => blank(copy, 'segment_1_001.ts')
    expect(await broken(ladder, middle, { hlsDepth: 'medium' })).toEqual([])
    const last = (copy: MadeOutput) => blank(copy, 'segment_1_002.ts')
    expect(await broken(ladder, last, { hlsDepth: 'medium' })).toContain('E HLS_DURATION_MISMATCH segment_1_002.ts')
    expect(await broken(ladder, last, { hlsDepth: 'basic' })).toEqual([])
  })
})

describe('a rendition', () => {
  it('of hundreds of segments is looked through to its end', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tallylight-long-'))
    await ffmpeg(
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
    await using output = await finished({
      dir,
      plan: { ...plan, video: video && { ...video, renditions: [rendition] } },
    })
    expect(output.set.files).toContain('segment_0_209.ts')
    expect((await validate(output, { level: 'strict' })).errors).toEqual([])
    await swap(output, 'segment_0_199.ts', 'segment_0_205.ts')
    const { errors } = await validate(output, { hlsDepth: 'full' })
    const found = new Set(errors.map(({ code, file }) => `${code} ${file}`))
    expect([...found]).toEqual(['199', '200', '205', '206'].map((n) => `HLS_DURATION_MISMATCH segment_0_${n}.ts`))
  })

  it('whose init segment is broken cannot be read', async () => {
    const found = await broken(cmaf, (copy) => overwrite(copy, 'init_0.m4s', 0, Buffer.alloc(400, 0x5a)))
    expect(found).toEqual(['E FFPROBE_FAILED init_0.m4s'])
  })

  it('without sound, or without a picture, is found', async () => {
    const silent = await broken(ladder, (copy) => remakeRendition(copy, 1, ['-map', '0:v', '-c', 'copy']))
    expect(silent).toEqual(['E NO_AUDIO_STREAM stream_1.m3u8'])
    const dark = await broken(ladder, (copy) => remakeRendition(copy, 1, ['-map', '0:a', '-c', 'copy']))
    expect(dark).toEqual(['E NO_VIDEO_STREAM stream_1.m3u8'])
  })

  it('of another size is found', async () => {
    const found = await broken(ladder, async (copy) => {
      const names = copy.set.files.filter((name) => name.startsWith('segment_0_'))
      for (const name of names) await swap(copy, name, name.replace('_0_', '_1_'))
    })
    expect(found).toEqual(['E RESOLUTION_MISMATCH stream_0.m3u8', 'E RESOLUTION_MISMATCH stream_1.m3u8'])
  })

  it('of another codec is found', async () => {
    const mpeg2 = ['-map', '0', '-c:v', 'mpeg2video', '-g', '25', '-c:a', 'copy']
    const found = await broken(ladder, (copy) => remakeRendition(copy, 0, mpeg2), { hlsDepth: 'basic' })
    expect(found).toEqual(['E CODEC_MISMATCH stream_0.m3u8'])
  })

  it('of other times than the first is found', async () => {
    const late = ['-map', '0', '-c', 'copy', '-output_ts_offset', '0.2']
    const found = await broken(ladder, (copy) => remakeRendition(copy, 1, late))
    expect(found).toContain('E HLS_DURATION_MISMATCH segment_1_000.ts')
    expect(found.every((line) => line.startsWith('E HLS_DURATION_MISMATCH segment_1_'))).toBe(true)
  })

  it('that lacks its end is found, though its playlist is true', async () => {
    const found = await broken(ladder, (copy) => drop(copy, 'segment_1_003.ts'), { isTold: true })
    expect(found).toEqual(['E HLS_SEGMENT_MISSING stream_1.m3u8'])
  })
})

describe('an output that was cut short', () => {
  it('is found, though all playlists are true', async () => {
    const names = ['1', '2', '3'].flatMap((n) => [`segment_0_00${n}.ts`, `segment_1_00${n}.ts`])
    const cut = async (copy: MadeOutput) => {
      for (const name of names) await drop(copy, name)
    }
    const found = await broken(ladder, cut, { isTold: true })
    expect(found).toEqual(['E HLS_DURATION_MISMATCH stream_0.m3u8', 'E HLS_DURATION_MISMATCH stream_1.m3u8'])
  })
})

describe('sound', () => {
  it('that is late in a rendition is found', async () => {
    await using copy = await copyOf(ladder)
    const names = copy.set.files.filter((name) => name.startsWith('segment_1_'))
    for (const name of names) {
      const late = ['-copyts', '-i', name, '-itsoffset', '0.3', '-copyts', '-i', name, '-map', '0:v', '-map', '1:a']
      const times = ['-muxdelay', '0', '-muxpreload', '0', '-copyts', '-f', 'mpegts']
      await ffmpeg(copy.set.dir, [...late, '-c', 'copy', ...times, 'late.ts'])
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

  it('of its own that ends before the picture is found', async () => {
    const last = cmaf.set.files.findLast((name) => name.startsWith('chunk_1_')) ?? ''
    const found = await broken(cmaf, (copy) => drop(copy, last), { isTold: true, hlsDepth: 'medium' })
    expect(found).toEqual(['E AV_SYNC_ERROR stream_0.m3u8'])
  })
})

describe('a picture that cannot be decoded', () => {
  it('is found strictly, or where it is asked for, and not by less', async () => {
    await using copy = await copyOf(ladder)
    // Inside of one packet's payload: the transport stream itself stays whole.
    await overwrite(copy, 'segment_0_002.ts', 0.02, Buffer.alloc(4, 0xa5))
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
