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
