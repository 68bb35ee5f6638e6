import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { EXACT_CLOCK_OPTIONS, joinFragments } from './fragments.ts'
import { runFfmpeg, readTrackTimes } from './testing/inspect-media.ts'

let dir: string
const { signal } = new AbortController()
const at = (name: string) => join(dir, name)

/** Encodes ten frames of a track, beginning with `firstFrame`. */
async function makePart(name: string, firstFrame: number, crf: number): Promise<void> {
  const video = `testsrc2=s=64x64:r=25,trim=start_frame=${firstFrame}:end_frame=${firstFrame + 10}`
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', String(crf), '-fps_mode', 'passthrough']
  const muxer = [...EXACT_CLOCK_OPTIONS, '-output_ts_offset', '100', '-f', 'mp4']
  await runFfmpeg(['-v', 'error', '-copyts', '-f', 'lavfi', '-i', video, ...encoder, ...muxer, at(name)])
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fragments-test-'))
  await Promise.all([makePart('a.mp4', 0, 20), makePart('b.mp4', 10, 20), makePart('other.mp4', 10, 30)])
})
afterAll(() => rm(dir, { recursive: true, force: true }))

it('parts of a track are joined into one file in which every frame keeps its time', async () => {
  expect(await joinFragments([at('a.mp4'), at('b.mp4')], at('joined.mp4'), signal)).toBeNull()
  const [track] = await readTrackTimes(at('joined.mp4'))
  const first = 100 * 12_800
  expect(track?.pts).toEqual(Array.from({ length: 20 }, (_, i) => first + i * 512))
  expect(track?.keys).toEqual([first, first + 10 * 512])
})

it('a part with other parameter sets is rejected, since its frames could not be decoded', async () => {
  const problem = await joinFragments([at('a.mp4'), at('other.mp4')], at('joined.mp4'), signal)
  expect(problem).toContain('part 1 was encoded with other parameters')
})

it('a part that is truncated or not a media file is rejected', async () => {
  await writeFile(at('short.mp4'), (await readFile(at('b.mp4'))).subarray(0, -1))
  await writeFile(at('text.mp4'), 'no media')
  expect(await joinFragments([at('a.mp4'), at('short.mp4')], at('joined.mp4'), signal)).toContain(
    'part 1 is incomplete',
  )
  expect(await joinFragments([at('text.mp4')], at('joined.mp4'), signal)).toContain('part 0 is incomplete')
})
