import { chmod, copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { makeSource, type SourceKind, type SourceOptions } from '../testing/job-media.ts'
import { probe } from './ffprobe.ts'
import type { Probe } from './probed-media.ts'
import { runProgram } from './run-program.ts'

const options = { timeoutMs: 20_000, signal: new AbortController().signal }

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-probe-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function probed(kind: SourceKind, source: SourceOptions = {}): Promise<Probe> {
  const result = await probe('ffprobe', await makeSource(dir, kind, { size: '160x90', sec: 0.5, ...source }), options)
  if (result.kind !== 'ok') throw new Error(result.reason)
  return result.probe
}

/** Makes a file with ffmpeg's own arguments. */
async function made(name: string, ...args: string[]): Promise<string> {
  const result = await runProgram('ffmpeg', ['-nostdin', '-v', 'error', ...args, name], { ...options, cwd: dir })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return join(dir, name)
}

async function written(name: string, text: string): Promise<string> {
  await writeFile(join(dir, name), text)
  return join(dir, name)
}

describe('a media file', () => {
  test('is told with its format, its length, its picture and its sound', async () => {
    const { sizeBytes, bitRateKbps, ...rest } = await probed('plain')
    expect(sizeBytes).toBeGreaterThan(1000)
    expect(bitRateKbps).toBeGreaterThan(10)
    expect(rest).toEqual({
      format: 'mov,mp4,m4a,3gp,3g2,mj2',
      durationSec: 0.5,
      startSec: 0,
      video: {
        index: 0,
        codec: 'h264',
        width: 160,
        height: 90,
        rotation: 0,
        isMirrored: false,
        fps: { num: 30, den: 1 },
        rateOfTimes: { num: 30, den: 1 },
        isVariableFrameRate: false,
        isInterlaced: false,
        bitDepth: 8,
        pixFmt: 'yuv420p',
        color: { transfer: null, primaries: null, space: null, range: null },
        isHdr: false,
        startSec: 0,
        durationSec: 0.5,
      },
      audio: { index: 1, codec: 'aac', channels: 2, sampleRate: 48_000, startSec: 0, durationSec: 0.5 },
    })
  })

  test('that was filmed upright has the size that it is shown in, and the rotation for it', async () => {
    expect((await probed('rotated')).video).toMatchObject({ width: 90, height: 160, rotation: 90 })
  })

  test('with oblong pixels has the size that it is shown in', async () => {
    expect((await probed('anamorphic', { size: '120x90' })).video).toMatchObject({ width: 160, height: 90 })
  })

  test('with a cover has no picture', async () => {
    expect(await probed('cover')).toMatchObject({ video: null, audio: { codec: 'mp3' } })
  })

  test('that is interlaced is known as such, with the rate of its frames', async () => {
    const { video } = await probed('interlaced', { size: '160x96' })
    expect(video).toMatchObject({ isInterlaced: true, fps: { num: 25, den: 1 }, isVariableFrameRate: false })
  })

  test('in HDR of 10 bits is known as such', async () => {
    expect((await probed('hdr')).video).toMatchObject({
      isHdr: true,
      bitDepth: 10,
      color: { transfer: 'smpte2084', primaries: 'bt2020', space: 'bt2020nc', range: 'tv' },
    })
  })

  test('whose frames come unevenly has a variable frame rate, also where its average does not show it', async () => {
    expect((await probed('variable-rate', { sec: 1 })).video?.isVariableFrameRate).toBe(true)
  })

  test.each<SourceKind>(['mkv', 'ts', 'webm'])(
    'of even frames has none, whatever its clock rounds them to (%s)',
    async (kind) => {
      const { video } = await probed(kind, { sec: 1, fps: '30000/1001' })
      expect(video?.isVariableFrameRate).toBe(false)
      expect(Number(video?.fps.num) / Number(video?.fps.den)).toBeCloseTo(29.97, 1)
    },
  )

  test('without a duration, as a browser records, has the one that its packets have', async () => {
    const recorded = await probed('recorded', { sec: 1 })
    expect(recorded.durationSec).toBeCloseTo(1, 1)
    expect(recorded.video?.durationSec).toBeCloseTo(1, 1)
    expect(recorded.audio?.durationSec).toBeCloseTo(1, 1)
  })

  test.each(['6144x3456', '6240x4160'])('of a camera with 6K is taken: %s', async (size) => {
    const source = ['-f', 'lavfi', '-i', `color=s=${size}:r=1:d=1`]
    const path = await made(`${size}.mp4`, ...source, '-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1')
    expect(await probe('ffprobe', path, options)).toMatchObject({ kind: 'ok' })
  })

  test('that lasts for many hours and does not say so is looked at in little memory', async () => {
    const track = { index: 0, codec_type: 'video', codec_name: 'vp8', width: 320, height: 180 }
    const head = JSON.stringify({ packets: [], streams: [track], format: { format_name: 'matroska,webm' } })
    const lines = `awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "0,%.3f,%.3f,0.040,K__\\n", i * 0.04, i * 0.04 }'`
    const ffprobe = await written(
      'ffprobe-long',
      `#!/bin/sh\ncase "$*" in *read_intervals*) echo '${head}' ;; *) ${lines} ;; esac\n`,
    )
    await chmod(ffprobe, 0o755)
    const code = `
      const { probe } = await import(${JSON.stringify(new URL('ffprobe.ts', import.meta.url).href)})
      const options = { timeoutMs: 20_000, signal: new AbortController().signal }
      const { probe: { durationSec, video } } = await probe('${ffprobe}', '${ffprobe}', options)
      console.log(durationSec, video.fps.num / video.fps.den)`
    const args = ['--max-old-space-size=80', '--import', 'tsx', '--input-type=module', '-e', code]
    expect(await runProgram(process.execPath, args, options)).toMatchObject({ code: 0, stdout: '40000 25\n' })
  }, 30_000)

  test('of several sound tracks is told with the default one, else with that of the most channels', async () => {
    const sines = ['-f', 'lavfi', '-i', 'sine=d=0.2', '-f', 'lavfi', '-i', 'sine=d=0.2', '-map', '0', '-map', '1']
    const channels = ['-c:a', 'pcm_s16le', '-ac:a:0', '1', '-ac:a:1', '2']
    const path = await made('two.mkv', ...sines, ...channels, '-disposition:a', '0')
    expect(await probe('ffprobe', path, options)).toMatchObject({ probe: { audio: { index: 1, channels: 2 } } })
    const other = await made('first.mkv', ...sines, ...channels, '-disposition:a:0', 'default', '-disposition:a:1', '0')
    expect(await probe('ffprobe', other, options)).toMatchObject({ probe: { audio: { index: 0, channels: 1 } } })
  })
})

describe('a file that cannot be encoded is invalid, and says why', () => {
  async function reasonFor(path: string): Promise<string> {
    const result = await probe('ffprobe', path, options)
    if (result.kind !== 'invalid') throw new Error(`it is ${result.kind}`)
    return result.reason
  }

  test('an HLS playlist, whatever its name', async () => {
    const text = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nplain.ts\n#EXT-X-ENDLIST\n'
    expect(await reasonFor(await written('list', text))).toContain('is a playlist')
    expect(await reasonFor(await written('list.m3u8', text))).toContain('is a playlist')
  })

  test('a DASH manifest', async () => {
    const text = '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="x"></MPD>'
    expect(await reasonFor(await written('list.mpd', text))).toContain('is a playlist')
  })

  test('a list of files to join, though each is there to be read', async () => {
    await makeSource(dir, 'plain')
    expect(await reasonFor(await written('list.ffconcat', 'ffconcat version 1.0\nfile plain.mp4\n'))).toContain(
      'is a playlist',
    )
  })

  test('a web page, a text, an empty file', async () => {
    expect(await reasonFor(await written('page', '<!DOCTYPE html><html><body>404</body></html>'))).toContain(
      'is a web page',
    )
    expect(await reasonFor(await written('text.txt', 'nothing of note\n'.repeat(100)))).toContain('not taken')
    expect(await reasonFor(await written('empty', ''))).toBe('the file is empty')
  })

  test('a picture, which is read by a demuxer that opens files by their numbers', async () => {
    expect(
      await reasonFor(await made('still.png', '-f', 'lavfi', '-i', 'testsrc2=s=64x64', '-frames:v', '1')),
    ).toContain('not taken')
  })

  test('an MP4 that was cut off before its index', async () => {
    const path = join(dir, 'cut.mp4')
    await copyFile(await makeSource(dir, 'plain'), path)
    await truncate(path, (await readFile(path)).indexOf('moov') - 100)
    expect(await reasonFor(path)).toContain('cut short')
  })

  test('more than 240 frames a second', async () => {
    const path = await made('fast.mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=500:d=0.1', '-c:v', 'libx264')
    expect(await reasonFor(path)).toContain('500 frames a second')
  })

  test.each(['mp4', 'ts'])('a picture of 8K, which a few bytes of black can hold, at once (%s)', async (container) => {
    const source = 'color=black:s=7680x4320:r=2:d=0.5'
    const args = ['-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1']
    expect(await reasonFor(await made(`bomb.${container}`, ...args))).toBe(
      'the picture is too large: 7680x4320 are 33.2 million pixels, and at most 26.0 million are taken',
    )
  })

  test('a picture whose one side is longer than encoders know', async () => {
    const path = await made('wide.mkv', '-f', 'lavfi', '-i', 'color=s=8256x64:r=1:d=1', '-c:v', 'mjpeg')
    expect(await reasonFor(path)).toBe('the picture is too large: 8256x64 has a side of more than 8192 pixels')
  })

  test('subtitles alone', async () => {
    const srt = await written('words.srt', '1\n00:00:00,000 --> 00:00:01,000\nhello\n')
    expect(await reasonFor(await made('words.mkv', '-i', srt))).toContain('neither picture nor sound')
  })
})

test('an ffprobe that is not there, and a signal, are no fault of the file', async () => {
  const path = await makeSource(dir, 'plain')
  expect(await probe('/nowhere/ffprobe', path, options)).toMatchObject({ kind: 'failed' })
  expect(await probe('ffprobe', path, { ...options, signal: AbortSignal.abort() })).toMatchObject({ kind: 'failed' })
})
