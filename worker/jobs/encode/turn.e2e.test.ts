import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { probe } from '../../platform/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSource, turn } from '../../testing/job-media.ts'
import { turning } from './turn.ts'

const options = { timeoutMs: 20_000, signal: new AbortController().signal }

let path: string
beforeAll(async () => {
  path = await makeSource(await mkdtemp(join(tmpdir(), 'tallylight-turn-')), 'no-sound', { size: '64x36', sec: 0.1 })
})
afterAll(() => rm(join(path, '..'), { recursive: true, force: true }))

/** A digest of each picture, as ffmpeg shows them with these options. */
async function shown(before: readonly string[], filters: readonly string[]): Promise<string> {
  const args = [...before, '-i', path, '-vf', ['null', ...filters].join(','), '-f', 'framemd5', '-']
  const result = await runProgram('ffmpeg', ['-v', 'error', ...args], options)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return result.stdout
}

test.each([
  { matrix: [1, 0, 0, 1], rotation: 0, isMirrored: false },
  { matrix: [0, 1, -1, 0], rotation: 90, isMirrored: false },
  { matrix: [-1, 0, 0, -1], rotation: 180, isMirrored: false },
  { matrix: [0, -1, 1, 0], rotation: 270, isMirrored: false },
  { matrix: [1, 0, 0, -1], rotation: 0, isMirrored: true },
  { matrix: [0, 1, 1, 0], rotation: 90, isMirrored: true },
  { matrix: [-1, 0, 0, 1], rotation: 180, isMirrored: true },
  { matrix: [0, -1, -1, 0], rotation: 270, isMirrored: true },
] as const)('a turn by $matrix is the one that ffmpeg makes, and is undone exactly', async (of) => {
  const { matrix, ...turned } = of
  await turn(path, matrix)
  expect(await probe('ffprobe', path, options)).toMatchObject({ probe: { video: turned } })
  const [asStored, asFfmpegShows] = [await shown(['-noautorotate'], []), await shown([], [])]
  const { there, back } = turning(turned)
  expect(await shown(['-noautorotate'], there)).toBe(asFfmpegShows)
  expect(await shown([], back)).toBe(asStored)
})
