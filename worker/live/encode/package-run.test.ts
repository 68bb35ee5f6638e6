import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { runFfmpeg } from '../../../shared/testing/run-ffmpeg.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { createClock } from '../../platform/clock.ts'
import type { PackagedPart } from '../package/rung-packager.ts'
import { createRunPackaging } from './package-run.ts'

/** Returns the fragmented MP4 of a picture of one second, whose sound goes on for four. */
async function encodeStoppedPicture(): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-stopped-'))
  const path = join(dir, 'rung.mp4')
  const args = [
    ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color=c=gray:s=160x90:r=30:d=1'],
    ['-f', 'lavfi', '-i', 'sine=440:r=48000:d=4', '-c:v', 'libx264', '-tune', 'zerolatency', '-c:a', 'aac'],
    ['-movflags', '+empty_moov+default_base_moof+frag_keyframe+skip_trailer', '-frag_duration', '330000', path],
  ]
  try {
    await runFfmpeg('ffmpeg', args.flat(), { timeoutMs: PATIENCE_MS })
    return await readFile(path)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

test('while a picture stands still and sound goes on, no lag is measured: nothing is too slow', async () => {
  const parts: PackagedPart[] = []
  let lags = 0
  const packaging = createRunPackaging({
    rungCount: 1,
    startMs: 0,
    leastMs: () => 1980,
    baseMs: 0,
    measureDelayMs: () => 0,
    outputs: {
      onInits: () => {},
      onPart: (_rung, part) => parts.push(part),
      onSegment: () => {},
      onLag: () => (lags += 1),
    },
    clock: createClock(),
  })
  packaging.push(0, await encodeStoppedPicture())
  const withPicture = parts.filter(({ startMs, endMs }) => endMs > startMs)
  expect(parts.length - withPicture.length).toBeGreaterThanOrEqual(5)
  expect(lags).toBe(withPicture.length)
})
