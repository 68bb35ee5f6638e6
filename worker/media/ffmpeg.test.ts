import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { type Clip, makeClip } from '../../shared/testing/clips.ts'
import { runFfmpegOnSegment } from './ffmpeg.ts'

const discard = { inputArgs: [], outputArgs: ['-f', 'null', '-'], pipes: 0 }
const options = { ...discard, timeoutMs: PATIENCE_MS, signal: new AbortController().signal }

let clip: Clip
let segment: Buffer
beforeAll(async () => {
  clip = await makeClip([{ sec: 1 }], { segmentSec: 1, fps: 25, size: '320x180', container: 'ts' })
  segment = await readFile(clip.segments[0]?.path ?? '')
})
afterAll(() => clip[Symbol.asyncDispose]())

/** Runs a shell script instead of ffmpeg. */
async function runScript(script: string, changed: Partial<typeof options> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-ffmpeg-'))
  const path = join(dir, 'ffmpeg')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  try {
    return await runFfmpegOnSegment(path, { bytes: segment, map: null }, { ...options, ...changed })
  } finally {
    await rm(dir, { recursive: true })
  }
}

describe('runFfmpeg', () => {
  test('reads a segment from a pipe and returns the outputs', async () => {
    const outputArgs = ['-map', '0:v', '-f', 'framecrc', 'pipe:1', '-map', '0:a', '-f', 'framecrc', 'pipe:3']
    const result = await runFfmpegOnSegment(
      'ffmpeg',
      { bytes: segment, map: null },
      { ...options, outputArgs, pipes: 1 },
    )
    const pipes = [expect.stringContaining('#media_type 0: audio')]
    expect(result).toMatchObject({ kind: 'done', stdout: expect.stringContaining('#media_type 0: video'), pipes })
  })

  test('requests no address that a segment or its initialization section contains', async () => {
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
      expect(await runFfmpegOnSegment('ffmpeg', { bytes, map: null }, options)).toMatchObject({ kind: 'failed' })
      expect(await runFfmpegOnSegment('ffmpeg', { bytes: segment, map: bytes }, options)).toMatchObject({
        kind: 'done',
      })
    }
    server.close()
    expect(requests).toBe(0)
  })

  test('refuses a picture larger than 4K before it is decoded', async () => {
    const bomb = { segmentSec: 1, fps: 1, size: '7680x4320', container: 'ts', withAudio: false } as const
    await using huge = await makeClip([{ sec: 1, video: 'black' }], bomb)
    const bytes = await readFile(huge.segments[0]?.path ?? '')
    const result = await runFfmpegOnSegment('ffmpeg', { bytes, map: null }, options)
    expect(result).toEqual({ kind: 'failed', error: expect.stringContaining('Picture size 7680x4320') })
  })

  test('reports a failure in one short line, without memory addresses', async () => {
    const bytes = Buffer.concat([segment.subarray(0, 1), Buffer.alloc(187)])
    const result = await runFfmpegOnSegment('ffmpeg', { bytes, map: null }, options)
    expect(result).toEqual({ kind: 'failed', error: expect.not.stringMatching(/\n|0x[0-9a-f]{6}/) })
    expect(await runScript('exit 7')).toEqual({ kind: 'failed', error: 'ffmpeg exited with 7' })
  })

  test('reports an ffmpeg that is killed, hangs, is aborted or is missing', async () => {
    expect(await runScript('kill -9 $$')).toEqual({ kind: 'failed', error: 'ffmpeg was ended by SIGKILL' })
    const late = await runScript('sleep 300', { timeoutMs: 1000 })
    expect(late).toEqual({ kind: 'failed', error: 'ffmpeg took longer than 1 s' })
    const aborted = await runScript('sleep 300', { signal: AbortSignal.timeout(100) })
    expect(aborted).toEqual({ kind: 'failed', error: 'aborted' })
    const missing = await runFfmpegOnSegment('/nowhere/ffmpeg', { bytes: segment, map: null }, options)
    expect(missing).toEqual({ kind: 'failed', error: 'ffmpeg cannot be started' })
  })
})
