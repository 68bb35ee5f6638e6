import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { probeMedia } from '../../media/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSourceMedia, writeDisplayMatrix } from '../../../shared/testing/source-media.ts'
import { orientationFilters } from './orientation.ts'

const options = { timeoutMs: PATIENCE_MS, signal: new AbortController().signal }

let path: string
beforeAll(async () => {
  path = await makeSourceMedia(await mkdtemp(join(tmpdir(), 'tallylight-orientation-')), 'no-sound', {
    size: '64x36',
    sec: 0.1,
  })
})
afterAll(() => rm(join(path, '..'), { recursive: true, force: true }))

/** Returns digests of each frame, decoded with these input options, for each of these chains of filters. */
async function digestFrames(before: readonly string[], ...chains: readonly (readonly string[])[]): Promise<string[]> {
  const names = chains.map((_, i) => join(path, '..', `${i}.framemd5`))
  const outputs = chains.flatMap((chain, i) => ['-vf', ['null', ...chain].join(','), '-f', 'framemd5', names[i] ?? ''])
  const result = await runProgram('ffmpeg', ['-v', 'error', '-y', ...before, '-i', path, ...outputs], options)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result))
  return Promise.all(names.map((name) => readFile(name, 'utf8')))
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
] as const)(
  'the orientation of the display matrix $matrix is applied as by ffmpeg, and undone exactly',
  async ({ matrix, ...orientation }) => {
    await writeDisplayMatrix(path, matrix)
    expect(await probeMedia('ffprobe', path, options)).toMatchObject({ probe: { video: orientation } })
    const { apply, undo } = orientationFilters(orientation)
    const [asStored, applied] = await digestFrames(['-noautorotate'], [], apply)
    const [asFfmpegShows, undone] = await digestFrames([], [], undo)
    expect(applied).toBe(asFfmpegShows)
    expect(undone).toBe(asStored)
  },
)
