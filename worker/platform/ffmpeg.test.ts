import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Clip, makeClip } from '../testing/media.ts'
import { runFfmpeg } from './ffmpeg.ts'

const toNothing = { inputArgs: [], outputArgs: ['-f', 'null', '-'], pipes: 0 }
const options = { ...toNothing, timeoutMs: 10_000, signal: new AbortController().signal }

let clip: Clip
let segment: Buffer
beforeAll(async () => {
  clip = await makeClip([{ sec: 1 }], { segmentSec: 1, fps: 25, size: '320x180', container: 'ts' })
  segment = await readFile(clip.segments[0]?.path ?? '')
})
afterAll(() => clip[Symbol.asyncDispose]())

/** Runs a shell script in ffmpeg's place. */
async function runScript(script: string, changed: Partial<typeof options> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-ffmpeg-'))
  const path = join(dir, 'ffmpeg')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  try {
    return await runFfmpeg(path, { bytes: segment, map: null }, { ...options, ...changed })
  } finally {
    await rm(dir, { recursive: true })
  }
}

describe('runFfmpeg', () => {
  test('reads a segment from a pipe and gives what the outputs wrote', async () => {
    const outputArgs = ['-map', '0:v', '-f', 'framecrc', 'pipe:1', '-map', '0:a', '-f', 'framecrc', 'pipe:3']
    const result = await runFfmpeg('ffmpeg', { bytes: segment, map: null }, { ...options, outputArgs, pipes: 1 })
    const pipes = [expect.stringContaining('#media_type 0: audio')]
    expect(result).toMatchObject({ kind: 'done', stdout: expect.stringContaining('#media_type 0: video'), pipes })
  })

  test('no address in a segment, or before it, is ever asked', async () => {
    let requests = 0
    const server = createServer((_, response) => {
      requests += 1
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const playlist = Buffer.from(`#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:${port}/x.ts\n`)
    const list = Buffer.from(`ffconcat version 1.0\nfile http://127.0.0.1:${port}/x.ts\n`)
    for (const bytes of [playlist, list]) {
      expect(await runFfmpeg('ffmpeg', { bytes, map: null }, options)).toMatchObject({ kind: 'failed' })
      expect(await runFfmpeg('ffmpeg', { bytes: segment, map: bytes }, options)).toMatchObject({ kind: 'done' })
    }
    server.close()
    expect(requests).toBe(0)
  })

  test('a picture larger than 4K is refused before it is decoded', async () => {
    const bomb = { segmentSec: 1, fps: 1, size: '7680x4320', container: 'ts', withAudio: false } as const
    await using huge = await makeClip([{ sec: 1, video: 'black' }], bomb)
    const bytes = await readFile(huge.segments[0]?.path ?? '')
    const result = await runFfmpeg('ffmpeg', { bytes, map: null }, options)
    expect(result).toEqual({ kind: 'failed', error: expect.stringContaining('Picture size 7680x4320') })
  })

  test('a failure is told in one short line, without addresses in memory', async () => {
    const bytes = Buffer.concat([segment.subarray(0, 1), Buffer.alloc(187)])
    const result = await runFfmpeg('ffmpeg', { bytes, map: null }, options)
    expect(result).toEqual({ kind: 'failed', error: expect.not.stringMatching(/\n|0x[0-9a-f]{6}/) })
    expect(await runScript('exit 7')).toEqual({ kind: 'failed', error: 'ffmpeg exited with 7' })
  })

  test('an ffmpeg that is killed, hangs, is aborted or is missing is a failure that says so', async () => {
    expect(await runScript('kill -9 $$')).toEqual({ kind: 'failed', error: 'ffmpeg was ended by SIGKILL' })
    const late = await runScript('sleep 300', { timeoutMs: 1000 })
    expect(late).toEqual({ kind: 'failed', error: 'ffmpeg took longer than 1 s' })
    const aborted = await runScript('sleep 300', { signal: AbortSignal.timeout(100) })
    expect(aborted).toEqual({ kind: 'failed', error: 'aborted' })
    const missing = await runFfmpeg('/nowhere/ffmpeg', { bytes: segment, map: null }, options)
    expect(missing).toEqual({ kind: 'failed', error: 'ffmpeg cannot be started' })
  })
})
