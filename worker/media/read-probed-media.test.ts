import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { probeMedia } from './ffprobe.ts'
import type { ProbedMedia } from './probed-media.ts'
import { runProgram } from '../platform/run-program.ts'

/** The duration of files whose headers contain none, or a wrong one. */

const options = { timeoutMs: PATIENCE_MS, signal: new AbortController().signal }
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=2']
const SOUND = ['-f', 'lavfi', '-i', 'sine=d=2']

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-length-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function probeFile(path: string): Promise<ProbedMedia> {
  const result = await probeMedia('ffprobe', path, options)
  if (result.kind !== 'ok') throw new Error(result.reason)
  return result.probe
}

const files = new Map<string, Promise<string>>()

/** Makes a file of this kind with these arguments of ffmpeg, once. */
function makeFile(kind: string, ...args: string[]): Promise<string> {
  const key = [...args, kind].join(' ')
  const made = files.get(key) ?? runFfmpeg(args, `${files.size}.${kind}`)
  files.set(key, made)
  return made
}

async function runFfmpeg(args: readonly string[], name: string): Promise<string> {
  const result = await runProgram('ffmpeg', ['-nostdin', '-v', 'error', ...args, name], { ...options, cwd: dir })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return join(dir, name)
}

async function concatenateFiles(name: string, ...parts: readonly string[]): Promise<string> {
  await writeFile(join(dir, name), Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))))
  return join(dir, name)
}

describe('a media file', () => {
  test.each([
    ['aac', ['-c:a', 'aac', '-q:a', '2', '-f', 'adts']],
    ['mp3', ['-c:a', 'libmp3lame', '-q:a', '3', '-write_xing', '0']],
    ['ac3', ['-c:a', 'ac3']],
    ['mpg', ['-c:a', 'mp2']],
  ])('without a duration has that of its packets, not one guessed from the bit rate (%s)', async (kind, codec) => {
    const source = "aevalsrc='0.8*(random(0)-0.5)*gt(t,10)':s=44100:d=14"
    const path = await makeFile(kind, '-f', 'lavfi', '-i', source, ...codec)
    const { durationSec, bitRateKbps, sizeBytes, audio } = await probeFile(path)
    expect(durationSec).toBeCloseTo(14, 0.5)
    expect(audio?.durationSec).toBeCloseTo(14, 0.5)
    expect(bitRateKbps).toBe(Math.round((sizeBytes * 8) / durationSec / 1000))
  })

  test('of MP3 begins at the start in its header, not at its first packet', async () => {
    const path = await makeFile('mp3', '-f', 'lavfi', '-i', 'sine=d=1', '-c:a', 'libmp3lame')
    const { startSec, audio } = await probeFile(path)
    expect(startSec).toBeGreaterThan(0.02)
    expect(audio?.startSec).toBe(startSec)
  })

  test.each([
    ['ts', [...PICTURE, ...SOUND]],
    ['mpg', [...PICTURE, ...SOUND]],
    ['ts', PICTURE],
    ['ogg', SOUND],
  ])('whose clock is reset has the duration of all its parts (%s)', async (container, sources) => {
    const part = await makeFile(container, ...sources)
    const { durationSec, video, audio } = await probeFile(
      await concatenateFiles(`parts.${container}`, part, part, part),
    )
    expect(durationSec).toBeCloseTo(6, 0.5)
    for (const track of [video, audio]) expect(track?.durationSec ?? 6).toBeCloseTo(6, 0.5)
  })

  test('of MPEG-TS whose clock jumps ahead by an hour has the duration of its content', async () => {
    const now = await makeFile('ts', ...PICTURE, ...SOUND)
    const later = await makeFile('ts', ...PICTURE, ...SOUND, '-output_ts_offset', '3600')
    expect((await probeFile(await concatenateFiles('ahead.ts', now, later))).durationSec).toBeCloseTo(4, 0.5)
  })
})

describe('a gap in the timestamps', () => {
  type GapClip = { readonly container: string; readonly times: string; readonly track?: 'v' | 'a' }
  const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0']

  /** Copies a clip with other timestamps, which ffmpeg writes correctly in MP4 only. */
  async function setTimes(clip: string, { container, times, track = 'v' }: GapClip): Promise<string> {
    const mp4 = await makeFile('mp4', '-i', clip, '-c', 'copy', `-bsf:${track}`, `setts=ts=${times}`)
    return container === 'mp4' ? mp4 : makeFile(container, '-i', mp4, '-c', 'copy')
  }

  /** Returns an expression that shifts all packets from one on by this many seconds. */
  function jump(from: number, bySec: number): string {
    return `if(gte(N\\,${from})\\,TS+${bySec}/TB\\,TS)`
  }

  async function probeReason(path: string): Promise<string> {
    const result = await probeMedia('ffprobe', path, options)
    if (result.kind !== 'invalid') throw new Error(`the result is ${JSON.stringify(result)}`)
    return result.reason
  }

  test.each(['mp4', 'mkv', 'flv'])('between two frames makes a file invalid: %s', async (container) => {
    const clip = await makeFile('mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25:d=28', ...X264)
    const reason = (sec: number) => `its clock is broken: ${sec} s lie between two consecutive frames`
    expect(await probeReason(await setTimes(clip, { container, times: jump(12, 86_400) }))).toBe(reason(86_400))
    expect(await probeReason(await setTimes(clip, { container, times: jump(650, 5400) }))).toBe(reason(5400))
  })

  test.each(['mp4', 'mkv'])(
    'in the sound makes a file invalid, alone or after the end of a picture: %s',
    async (container) => {
      const both = await makeFile('mp4', ...PICTURE, ...SOUND, ...X264, '-c:a', 'aac')
      const alone = await makeFile('mp4', '-i', both, '-vn', '-c', 'copy')
      const reason = 'its clock is broken: 7200 s lie between two consecutive packets of sound'
      for (const clip of [both, alone])
        expect(await probeReason(await setTimes(clip, { container, times: jump(20, 7200), track: 'a' }))).toBe(reason)
    },
  )

  test('between the end of the picture and the sound makes a file invalid', async () => {
    const clip = await makeFile('mp4', ...PICTURE, ...SOUND, ...X264, '-c:a', 'aac')
    const path = await setTimes(clip, { container: 'mkv', times: jump(0, 7200), track: 'a' })
    expect(await probeReason(path)).toBe('its clock is broken: 7198 s lie between its picture and its sound')
  })

  test.each([
    ['mp4', 60],
    ['mkv', 60],
    ['mp4', 1800],
    ['mkv', 1800],
  ])('of up to an hour between frames is accepted (%s, %i s)', async (container, everySec) => {
    const clip = await makeFile('mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25:d=0.2', ...X264)
    const path = await setTimes(clip, { container, times: `N*${everySec}/TB` })
    expect((await probeFile(path)).durationSec).toBeGreaterThanOrEqual(4 * everySec)
  })

  test('of more than an hour is accepted between stills, which are stored at the lowest frame rate', async () => {
    const clip = await makeFile('mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25:d=0.16', ...X264)
    const { durationSec, video } = await probeFile(await setTimes(clip, { container: 'mkv', times: 'N*7200/TB' }))
    expect(durationSec).toBeGreaterThanOrEqual(3 * 7200)
    expect(video?.isVariableFrameRate).toBe(false)
    expect(Number(video?.fps.num) / Number(video?.fps.den)).toBeLessThan(0.001)
  })

  test('is not found where one frame lasts ten seconds, or the picture ends an hour before the sound', async () => {
    const held = await makeFile('mp4', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=1/10:d=10', '-c:v', 'libx264')
    expect((await probeFile(held)).durationSec).toBeCloseTo(10, 1)
    const sound = ['-f', 'lavfi', '-i', 'aevalsrc=0:s=8000:d=4000', '-c:a', 'aac', '-ac', '1', '-b:a', '8k']
    const path = await makeFile('mp4', ...PICTURE, ...sound, '-c:v', 'libx264')
    expect((await probeFile(path)).durationSec).toBeCloseTo(4000, 0)
  })
})
