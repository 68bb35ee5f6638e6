import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import type { ClipOrder, RecordedRun } from '../../../shared/contract/live-files.ts'
import { newUuid } from '../../../shared/ids.ts'
import { readFrameNumbers } from '../../../shared/testing/frame-counter.ts'
import { openLocalStore } from '../../stores/local.ts'
import { makeCounterClip } from '../testing/counter-clip.ts'
import { encodeClip, type EncodedClip } from '../testing/encode-clip.ts'
import { cutClip } from './cut-clip.ts'

const HEIGHT = 180
const FPS = 30

/** A store with the segments of runs, from some segment of the first run on. */
async function storeRuns(clips: readonly EncodedClip[], firstSegment: number) {
  const dir = await mkdtemp(join(tmpdir(), 'clip-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const folder = `live/${newUuid()}/`
  const prefix = `${folder}1/${HEIGHT}/`
  await mkdir(join(dir, prefix), { recursive: true })
  const runs: RecordedRun[] = []
  let [n, frames] = [0, 0]
  for (const [i, clip] of clips.entries()) {
    const init = `${prefix}init-${i + 1}.mp4`
    await writeFile(join(dir, init), clip.inits[0]?.bytes ?? '')
    const segments: { n: number; bytes: number }[] = []
    const chosen = clip.segments.slice(i === 0 ? firstSegment : 0)
    for (const segment of chosen) {
      const bytes = Buffer.concat([...(segment.rungs[0]?.parts ?? [])])
      await writeFile(join(dir, `${prefix}${n}.m4s`), bytes)
      segments.push({ n: n++, bytes: bytes.length })
      frames += segment.frames
    }
    const ms = chosen.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0)
    runs.push({ init, prefix, segments, duration_sec: ms / 1000 })
  }
  const store = openLocalStore({ dir, url: 'http://127.0.0.1:1/media' })
  const means = { store, dir, ffmpegPath: 'ffmpeg', signal: new AbortController().signal }
  const size = { width: 320, height: HEIGHT, frame_rate: FPS }
  const files = { output: `${folder}clips/a.mp4`, poster: `${folder}clips/a.jpg` }
  const order: ClipOrder = { clip_id: newUuid(), runs, frames, start_sec: 0, duration_sec: 5, ...size, ...files }
  return { order, means, pathOf: (segment: number) => join(dir, `${prefix}${segment}.m4s`) }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('a clip has exactly the frames of its range, also where it begins between key frames and spans two runs', async () => {
  const clip = await encodeClip(await makeCounterClip({ sec: 8, fps: String(FPS) }))
  const { order, means } = await storeRuns([clip, clip], 2)
  const cut = await cutClip({ ...order, start_sec: 1.5, duration_sec: 5 }, means)
  if (cut.kind === 'failed') throw new Error(cut.reason)
  expect(await readFrameNumbers(cut.path, HEIGHT)).toEqual([...numbers(165, 240), ...numbers(0, 75)])
  const head = (await readFile(cut.path)).subarray(0, 64).toString('latin1')
  expect(head.indexOf('moov')).toBeGreaterThan(0)
  expect((await readFile(cut.poster)).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]))
})

test('a clip of a silent broadcast is cut, and one whose segments are missing, damaged or too few has failed with the reason', async () => {
  const clip = await encodeClip(await makeCounterClip({ sec: 8, fps: String(FPS), withAudio: false }))
  const { order, means, pathOf } = await storeRuns([clip], 0)
  const reasonOf = async (changed: Partial<ClipOrder>) => {
    const cut = await cutClip({ ...order, ...changed }, means)
    return cut.kind === 'failed' ? cut.reason : 'it was cut'
  }
  expect(await reasonOf({})).toBe('it was cut')
  expect(await reasonOf({ start_sec: 3.5 })).toBe('its segments end before the clip does')
  expect(await reasonOf({ frames: 241 })).toBe('its segments have 240 frames instead of 241')
  const bytes = await readFile(pathOf(1))
  await writeFile(pathOf(1), Buffer.from(bytes).fill(0x55, Math.floor(bytes.length / 2)))
  expect(await reasonOf({})).toMatch(/decode|joined|frames instead/)
  await rm(pathOf(1))
  expect(await reasonOf({})).toContain('1.m4s is missing')
})
