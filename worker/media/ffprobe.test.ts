import { chmod, copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { makeSourceMedia, type SourceMediaKind, type SourceMediaOptions } from '../../shared/testing/source-media.ts'
import { probeMedia } from './ffprobe.ts'
import type { ProbedMedia } from './probed-media.ts'
import { runProgram } from '../platform/run-program.ts'

const options = { timeoutMs: PATIENCE_MS, signal: new AbortController().signal }

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-probe-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function probeSource(kind: SourceMediaKind, source: SourceMediaOptions = {}): Promise<ProbedMedia> {
  const result = await probeMedia(
    'ffprobe',
    await makeSourceMedia(dir, kind, { size: '160x90', sec: 0.5, ...source }),
    options,
  )
  if (result.kind !== 'ok') throw new Error(result.reason)
  return result.probe
}

/** Makes a file with these arguments of ffmpeg. */
async function makeFile(name: string, ...args: string[]): Promise<string> {
  const result = await runProgram('ffmpeg', ['-nostdin', '-v', 'error', ...args, name], { ...options, cwd: dir })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return join(dir, name)
}

async function writeText(name: string, text: string): Promise<string> {
  await writeFile(join(dir, name), text)
  return join(dir, name)
}

describe('a media file', () => {
  test('is probed for its format, its duration, its picture and its sound', async () => {
    const { sizeBytes, bitRateKbps, ...rest } = await probeSource('plain')
    expect(sizeBytes).toBeGreaterThan(1000)
    expect(bitRateKbps).toBeGreaterThan(10)
    expect(rest).toEqual({
      format: 'mov,mp4,m4a,3gp,3g2,mj2',
      durationSec: 0.5,
      startSec: 0,
      endMismatch: null,
      video: {
        index: 0,
        codec: 'h264',
        width: 160,
        height: 90,
        stored: { width: 160, height: 90 },
        rotation: 0,
        isMirrored: false,
        fps: { num: 30, den: 1 },
        rateOfTimes: { num: 30, den: 1 },
        isVariableFrameRate: false,
        isInterlaced: false,
        fieldOrder: null,
        bitDepth: 8,
        pixFmt: 'yuv420p',
        color: { transfer: null, primaries: null, space: null, range: null },
        isHdr: false,
        startSec: 0,
        durationSec: 0.5,
      },
      audio: { index: 1, codec: 'aac', channels: 2, sampleRate: 48_000, startSec: 0, durationSec: 0.5 },
      tracks: [
        { index: 0, kind: 'video', codec: 'h264', language: null, isChosen: true, reason: null },
        { index: 1, kind: 'audio', codec: 'aac', language: null, isChosen: true, reason: null },
      ],
      problems: { video: null, audio: null },
    })
  })

  test('with a rotation has its display size', async () => {
    expect((await probeSource('rotated')).video).toMatchObject({ width: 90, height: 160, rotation: 90 })
  })

  test('with non-square pixels has its display size', async () => {
    expect((await probeSource('anamorphic', { size: '120x90' })).video).toMatchObject({ width: 160, height: 90 })
  })

  test('with a cover has no picture', async () => {
    expect(await probeSource('cover')).toMatchObject({ video: null, audio: { codec: 'mp3' } })
  })

  test('that is interlaced is detected as such, with its frame rate', async () => {
    const { video } = await probeSource('interlaced', { size: '160x96' })
    expect(video).toMatchObject({ isInterlaced: true, fps: { num: 25, den: 1 }, isVariableFrameRate: false })
  })

  test('in 10-bit HDR is detected as such', async () => {
    expect((await probeSource('hdr')).video).toMatchObject({
      isHdr: true,
      bitDepth: 10,
      color: { transfer: 'smpte2084', primaries: 'bt2020', space: 'bt2020nc', range: 'tv' },
    })
  })

  test('of uneven frame durations has a variable frame rate, also where its average rate does not show it', async () => {
    expect((await probeSource('variable-rate', { sec: 1 })).video?.isVariableFrameRate).toBe(true)
  })

  test.each<SourceMediaKind>(['mkv', 'ts', 'webm'])(
    'of a constant frame rate has it, despite rounded timestamps (%s)',
    async (kind) => {
      const { video } = await probeSource(kind, { sec: 1, fps: '30000/1001' })
      expect(video?.isVariableFrameRate).toBe(false)
      expect(Number(video?.fps.num) / Number(video?.fps.den)).toBeCloseTo(29.97, 1)
    },
  )

  test('without a duration, like a browser recording, has that of its packets', async () => {
    const recording = await probeSource('recorded', { sec: 1 })
    expect(recording.durationSec).toBeCloseTo(1, 1)
    expect(recording.video?.durationSec).toBeCloseTo(1, 1)
    expect(recording.audio?.durationSec).toBeCloseTo(1, 1)
  })

  test('of a 6K camera is accepted, also with the tallest of its pictures', async () => {
    const source = ['-f', 'lavfi', '-i', 'color=s=6240x4160:r=1:d=1']
    const path = await makeFile('6k.mp4', ...source, '-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1')
    expect(await probeMedia('ffprobe', path, options)).toMatchObject({ kind: 'ok' })
  })

  test('of many hours without a duration is probed in little memory', async () => {
    const size = { width: 320, height: 180, pix_fmt: 'yuv420p' }
    const track = { index: 0, codec_type: 'video', codec_name: 'vp8', ...size }
    const packets = Array.from({ length: 600 }, (_, i) => ({
      stream_index: 0,
      pts_time: String(i * 0.04),
      flags: 'K__',
    }))
    const head = JSON.stringify({ packets, streams: [track], format: { format_name: 'matroska,webm' } })
    const lines = `awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "0,%.3f,%.3f,0.040,K__\\n", i * 0.04, i * 0.04 }'`
    const ffprobe = await writeText(
      'ffprobe-long',
      `#!/bin/sh\ncase "$*" in *read_intervals*) echo '${head}' ;; *) ${lines} ;; esac\n`,
    )
    await chmod(ffprobe, 0o755)
    const code = `
      const { probeMedia } = await import(${JSON.stringify(new URL('ffprobe.ts', import.meta.url).href)})
      const options = { timeoutMs: 120_000, signal: new AbortController().signal }
      const { probe: { durationSec, video } } = await probeMedia('${ffprobe}', '${ffprobe}', options)
      console.log(durationSec, video.fps.num / video.fps.den)`
    const args = ['--max-old-space-size=80', '--import', 'tsx', '--input-type=module', '-e', code]
    expect(await runProgram(process.execPath, args, options)).toMatchObject({ code: 0, stdout: '40000 25\n' })
  })

  test('of several sound tracks is probed for the default one, or for that with the most channels', async () => {
    const sines = ['-f', 'lavfi', '-i', 'sine=d=0.2', '-f', 'lavfi', '-i', 'sine=d=0.2', '-map', '0', '-map', '1']
    const channels = ['-c:a', 'pcm_s16le', '-ac:a:0', '1', '-ac:a:1', '2']
    const path = await makeFile('two.mkv', ...sines, ...channels, '-disposition:a', '0')
    expect(await probeMedia('ffprobe', path, options)).toMatchObject({ probe: { audio: { index: 1, channels: 2 } } })
    const other = await makeFile(
      'first.mkv',
      ...sines,
      ...channels,
      '-disposition:a:0',
      'default',
      '-disposition:a:1',
      '0',
    )
    expect(await probeMedia('ffprobe', other, options)).toMatchObject({ probe: { audio: { index: 0, channels: 1 } } })
  })
})

describe('a file that cannot be encoded is invalid, with a reason', () => {
  async function probeReason(path: string): Promise<string> {
    const result = await probeMedia('ffprobe', path, options)
    if (result.kind !== 'invalid') throw new Error(`the result is ${result.kind}`)
    return result.reason
  }

  test('an HLS playlist, whatever its name', async () => {
    const text = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nplain.ts\n#EXT-X-ENDLIST\n'
    expect(await probeReason(await writeText('list', text))).toContain('is a playlist')
    expect(await probeReason(await writeText('list.m3u8', text))).toContain('is a playlist')
  })

  test('a DASH manifest', async () => {
    const text = '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="x"></MPD>'
    expect(await probeReason(await writeText('list.mpd', text))).toContain('is a playlist')
  })

  test('a list of files to join, even if they exist', async () => {
    await makeSourceMedia(dir, 'plain')
    expect(await probeReason(await writeText('list.ffconcat', 'ffconcat version 1.0\nfile plain.mp4\n'))).toContain(
      'is a playlist',
    )
  })

  test('a web page, a text, an empty file', async () => {
    expect(await probeReason(await writeText('page', '<!DOCTYPE html><html><body>404</body></html>'))).toContain(
      'is a web page',
    )
    expect(await probeReason(await writeText('text.txt', 'nothing of note\n'.repeat(100)))).toContain('not accepted')
    expect(await probeReason(await writeText('empty', ''))).toBe('the file is empty')
  })

  test('a still picture, whose demuxer opens numbered files', async () => {
    expect(
      await probeReason(await makeFile('still.png', '-f', 'lavfi', '-i', 'testsrc2=s=64x64', '-frames:v', '1')),
    ).toContain('not accepted')
  })

  test('an MP4 that is cut off before its index', async () => {
    const path = join(dir, 'cut.mp4')
    await copyFile(await makeSourceMedia(dir, 'plain'), path)
    await truncate(path, (await readFile(path)).indexOf('moov') - 100)
    expect(await probeReason(path)).toContain('cut short')
  })

  test('more than 240 frames a second', async () => {
    const path = await makeFile('fast.mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=500:d=0.1', '-c:v', 'libx264')
    expect(await probeReason(path)).toContain('500 frames a second')
  })

  test('an 8K picture, without decoding it', async () => {
    const source = 'color=black:s=7680x4320:r=2:d=0.5'
    const args = ['-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1', '-f', 'tee', '-map', '0']
    await makeFile('[f=mp4]bomb.mp4|[f=mpegts]bomb.ts', '-f', 'lavfi', '-i', source, ...args)
    for (const name of ['bomb.mp4', 'bomb.ts'])
      expect([name, await probeReason(join(dir, name))]).toEqual([
        name,
        'the picture is too large: 7680x4320 has 33.2 million pixels, at most 26.0 million are accepted',
      ])
  })

  test('a picture with a side that is too long for encoders', async () => {
    const path = await makeFile('wide.mkv', '-f', 'lavfi', '-i', 'color=s=8256x64:r=1:d=1', '-c:v', 'mjpeg')
    expect(await probeReason(path)).toBe('the picture is too large: 8256x64 has a side of more than 8192 pixels')
  })

  test('subtitles alone', async () => {
    const srt = await writeText('words.srt', '1\n00:00:00,000 --> 00:00:01,000\nhello\n')
    expect(await probeReason(await makeFile('words.mkv', '-i', srt))).toContain('neither picture nor sound')
  })
})

test('a missing ffprobe and an abort are failures, not faults of the file', async () => {
  const path = await makeSourceMedia(dir, 'plain')
  expect(await probeMedia('/nowhere/ffprobe', path, options)).toMatchObject({ kind: 'failed' })
  expect(await probeMedia('ffprobe', path, { ...options, signal: AbortSignal.abort() })).toMatchObject({
    kind: 'failed',
  })
})
