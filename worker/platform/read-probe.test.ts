import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { probe } from './ffprobe.ts'
import type { Probe } from './probed-media.ts'
import { runProgram } from './run-program.ts'

/** How long a file is said to be, where its headers do not say it or say what is not true. */

const options = { timeoutMs: 20_000, signal: new AbortController().signal }
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=2']
const SOUND = ['-f', 'lavfi', '-i', 'sine=d=2']

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-length-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function probedFile(path: string): Promise<Probe> {
  const result = await probe('ffprobe', path, options)
  if (result.kind !== 'ok') throw new Error(result.reason)
  return result.probe
}

/** Makes a file with ffmpeg's own arguments. */
async function made(name: string, ...args: string[]): Promise<string> {
  const result = await runProgram('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, name], { ...options, cwd: dir })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return join(dir, name)
}

async function joined(name: string, ...parts: readonly string[]): Promise<string> {
  await writeFile(join(dir, name), Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))))
  return join(dir, name)
}

describe('a media file', () => {
  test.each([
    ['loud.aac', ['-c:a', 'aac', '-q:a', '2', '-f', 'adts']],
    ['loud.mp3', ['-c:a', 'libmp3lame', '-q:a', '3', '-write_xing', '0']],
    ['loud.ac3', ['-c:a', 'ac3']],
    ['loud.mpg', ['-c:a', 'mp2']],
  ])('is as long as its packets are, where its length is else a guess from its bit rate (%s)', async (name, codec) => {
    const source = "aevalsrc='0.8*(random(0)-0.5)*gt(t,10)':s=44100:d=14"
    const path = await made(name, '-f', 'lavfi', '-i', source, ...codec)
    const { durationSec, bitRateKbps, sizeBytes, audio } = await probedFile(path)
    expect(durationSec).toBeCloseTo(14, 0.5)
    expect(audio?.durationSec).toBeCloseTo(14, 0.5)
    expect(bitRateKbps).toBe(Math.round((sizeBytes * 8) / durationSec / 1000))
  })

  test('of MP3 begins where its encoder says, though its first packet is before that', async () => {
    const path = await made('tone.mp3', '-f', 'lavfi', '-i', 'sine=d=1', '-c:a', 'libmp3lame')
    const { startSec, audio } = await probedFile(path)
    expect(startSec).toBeGreaterThan(0.02)
    expect(audio?.startSec).toBe(startSec)
  })

  test.each([
    ['ts', [...PICTURE, ...SOUND]],
    ['mpg', [...PICTURE, ...SOUND]],
    ['ts', PICTURE],
    ['ogg', SOUND],
  ])('with a clock that is set back has all of its parts (%s)', async (container, sources) => {
    const part = await made(`part.${container}`, ...sources)
    const { durationSec, video, audio } = await probedFile(await joined(`parts.${container}`, part, part, part))
    expect(durationSec).toBeCloseTo(6, 0.5)
    for (const track of [video, audio]) expect(track?.durationSec ?? 6).toBeCloseTo(6, 0.5)
  })

  test('of MPEG-TS whose clock jumps ahead by an hour is as long as what it holds', async () => {
    const now = await made('now.ts', ...PICTURE, ...SOUND)
    const later = await made('later.ts', ...PICTURE, ...SOUND, '-output_ts_offset', '3600')
    expect((await probedFile(await joined('ahead.ts', now, later))).durationSec).toBeCloseTo(4, 0.5)
  })
})

describe('a clock that jumps', () => {
  type Clip = { readonly container: string; readonly times: string; readonly track?: 'v' | 'a' }
  const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0']

  /** Copies a clip with other times, which ffmpeg sets right in MP4 alone. */
  async function timed(clip: string, { container, times, track = 'v' }: Clip): Promise<string> {
    const mp4 = await made('timed.mp4', '-i', clip, '-c', 'copy', `-bsf:${track}`, `setts=ts=${times}`)
    return container === 'mp4' ? mp4 : made(`timed.${container}`, '-i', mp4, '-c', 'copy')
  }

  /** Every packet from one on is so many seconds later. */
  function jump(from: number, bySec: number): string {
    return `if(gte(N\\,${from})\\,TS+${bySec}/TB\\,TS)`
  }

  async function reasonFor(path: string): Promise<string> {
    const result = await probe('ffprobe', path, options)
    if (result.kind !== 'invalid') throw new Error(`it is ${JSON.stringify(result)}`)
    return result.reason
  }

  test.each(['mp4', 'mkv', 'flv'])('between two pictures makes a file invalid: %s', async (container) => {
    const clip = await made('clip.mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25:d=28', ...X264)
    const reason = (sec: number) => `its clock is broken: ${sec} s lie between two pictures that follow one another`
    expect(await reasonFor(await timed(clip, { container, times: jump(12, 86_400) }))).toBe(reason(86_400))
    expect(await reasonFor(await timed(clip, { container, times: jump(650, 5400) }))).toBe(reason(5400))
  })

  test.each(['mp4', 'mkv'])('in the sound does so too, alone or behind a picture: %s', async (container) => {
    const both = await made('both.mp4', ...PICTURE, ...SOUND, ...X264, '-c:a', 'aac')
    const alone = await made('alone.mp4', '-i', both, '-vn', '-c', 'copy')
    const reason = 'its clock is broken: 7200 s lie between two pieces of sound that follow one another'
    for (const clip of [both, alone])
      expect(await reasonFor(await timed(clip, { container, times: jump(20, 7200), track: 'a' }))).toBe(reason)
  })

  test('so that sound begins hours after the picture’s end makes it invalid', async () => {
    const clip = await made('both.mp4', ...PICTURE, ...SOUND, ...X264, '-c:a', 'aac')
    const path = await timed(clip, { container: 'mkv', times: jump(0, 7200), track: 'a' })
    expect(await reasonFor(path)).toBe('its clock is broken: 7198 s lie between its picture and its sound')
  })

  test.each([
    ['mp4', 60],
    ['mkv', 60],
    ['mp4', 1800],
    ['mkv', 1800],
  ])('is none where pictures are shown one after the other for long (%s, %i s)', async (container, everySec) => {
    const clip = await made('clip.mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25:d=0.2', ...X264)
    const path = await timed(clip, { container, times: `N*${everySec}/TB` })
    expect((await probedFile(path)).durationSec).toBeGreaterThanOrEqual(4 * everySec)
  })

  test('is none where a picture is held for ten seconds, or ends more than an hour before its sound', async () => {
    const held = await made('held.mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=1/10:d=10', '-c:v', 'libx264')
    expect((await probedFile(held)).durationSec).toBeCloseTo(10, 1)
    const sound = ['-f', 'lavfi', '-i', 'aevalsrc=0:s=8000:d=4000', '-c:a', 'aac', '-ac', '1', '-b:a', '8k']
    const path = await made('short-picture.mp4', ...PICTURE, ...sound, '-c:v', 'libx264')
    expect((await probedFile(path)).durationSec).toBeCloseTo(4000, 0)
  })
})
