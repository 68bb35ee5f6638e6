import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'

import type { RecordedRun } from '../../../shared/contract/live-files.ts'
import { newUuid } from '../../../shared/ids.ts'
import { readFrameNumbers } from '../../../shared/testing/frame-counter.ts'
import { mountSmallDisk } from '../../../shared/testing/small-disk.ts'
import { openLocalStore } from '../../stores/local.ts'
import { makeCounterClip } from '../testing/counter-clip.ts'
import { encodeClip } from '../testing/encode-clip.ts'
import { numbersUpTo } from '../testing/live-worker.ts'
import { makeRecording } from './make-recording.ts'

test('all missing segments of a recording are named, and the one that is incomplete', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'recording-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const streamId = newUuid()
  const prefix = `live/${streamId}/1/720/`
  await mkdir(join(dir, prefix), { recursive: true })
  for (const name of ['init-1.mp4', '0.m4s', '2.m4s']) await writeFile(join(dir, prefix, name), 'abc')
  const segments = [3, 9, 3, 3].map((bytes, n) => ({ n, bytes }))
  const order = {
    archive_id: newUuid(),
    runs: [{ init: `${prefix}init-1.mp4`, prefix, segments, duration_sec: 8 }],
    frames: 240,
    output: `live/${streamId}/recording.mp4`,
  }
  const store = openLocalStore({ dir, url: 'http://127.0.0.1:1/media' })
  const means = { store, dir, ffmpegPath: 'ffmpeg', signal: new AbortController().signal }
  expect(await makeRecording(order, means)).toEqual({
    kind: 'failed',
    reason: `${prefix}1.m4s is missing`,
    missing: [`${prefix}1.m4s`, `${prefix}3.m4s`],
  })
  await writeFile(join(dir, prefix, '1.m4s'), 'abc')
  expect(await makeRecording(order, means)).toEqual({
    kind: 'failed',
    reason: `segment ${prefix}1.m4s has 3 bytes instead of 9`,
    missing: [`${prefix}1.m4s`, `${prefix}3.m4s`],
  })
})

test.each([
  ['its first run', [false, true]],
  ['a run between', [true, false, true]],
  ['its last run', [true, false]],
])('a recording without sound in %s has the sound of the others, and every frame', async (_name, sounds) => {
  const dir = await mkdtemp(join(tmpdir(), 'recording-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const streamId = newUuid()
  const prefix = `live/${streamId}/1/180/`
  await mkdir(join(dir, prefix), { recursive: true })
  const runs: RecordedRun[] = []
  let [n, frames] = [0, 0]
  for (const [i, withAudio] of sounds.entries()) {
    const clip = await encodeClip(await makeCounterClip({ sec: 3, fps: '30', bFrames: 2, withAudio }))
    const init = `${prefix}init-${i + 1}.mp4`
    await writeFile(join(dir, init), clip.inits[0]?.bytes ?? '')
    const segments: { n: number; bytes: number }[] = []
    for (const segment of clip.segments) {
      const bytes = Buffer.concat([...(segment.rungs[0]?.parts ?? [])])
      await writeFile(join(dir, `${prefix}${n}.m4s`), bytes)
      segments.push({ n: n++, bytes: bytes.length })
      frames += segment.frames
    }
    const ms = clip.segments.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0)
    runs.push({ init, prefix, segments, duration_sec: ms / 1000 })
  }
  const store = openLocalStore({ dir, url: 'http://127.0.0.1:1/media' })
  const means = { store, dir, ffmpegPath: 'ffmpeg', signal: new AbortController().signal }
  const order = { archive_id: newUuid(), runs, frames, output: 'recording.mp4' }
  const recording = await makeRecording(order, means)
  if (recording.kind !== 'ok') throw new Error(recording.reason)
  expect(await readFrameNumbers(recording.path, 180)).toEqual(sounds.flatMap(() => numbersUpTo(90)))
  const entries = ['-select_streams', 'a', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', recording.path]
  const listed = await execa('ffprobe', ['-v', 'error', ...entries])
  const times = listed.stdout.split('\n').map(Number)
  expect(times[0]).toBeLessThan(0.1)
  expect(times.at(-1)).toBeGreaterThan(3 * sounds.length - 0.2)
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  expect(Math.max(...gaps)).toBeLessThan(0.1)
})

test('a full disk is reported as such in every step, and not as damaged segments', async ({ skip }) => {
  const dir = await mkdtemp(join(tmpdir(), 'recording-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const clip = await encodeClip(await makeCounterClip({ sec: 4, fps: '30' }))
  const prefix = `live/${newUuid()}/1/180/`
  await mkdir(join(dir, prefix), { recursive: true })
  await writeFile(join(dir, prefix, 'init-1.mp4'), clip.inits[0]?.bytes ?? '')
  const segments: { n: number; bytes: number }[] = []
  for (const [n, { rungs }] of clip.segments.entries()) {
    const bytes = Buffer.concat([...(rungs[0]?.parts ?? [])])
    await writeFile(join(dir, prefix, `${n}.m4s`), bytes)
    segments.push({ n, bytes: bytes.length })
  }
  const whole = segments.reduce((sum, { bytes }) => sum + bytes, 0)
  const run = { init: `${prefix}init-1.mp4`, prefix, segments, duration_sec: 4 }
  const order = { archive_id: newUuid(), runs: [run], frames: 120, output: 'recording.mp4' }
  const store = openLocalStore({ dir, url: 'http://127.0.0.1:1/media' })
  const makeOn = async (bytes: number) => {
    const scratch = join(dir, 'scratch')
    await using disk = await mountSmallDisk(scratch, `size=${Math.ceil(bytes / 4096) * 4096}`)
    if (disk === null) return skip('only root can mount a disk')
    const means = { store, dir: scratch, ffmpegPath: 'ffmpeg', signal: new AbortController().signal }
    // The disk stays until it is made.
    return await makeRecording(order, means).catch((error: unknown) => error)
  }
  // The joined run, then ffmpeg's own file beside it.
  expect(await makeOn(whole / 2)).toMatchObject({ code: 'ENOSPC' })
  expect(await makeOn(whole * 1.75 + 8192)).toMatchObject({ code: 'ENOSPC' })
  expect(await makeOn(whole * 3 + 262_144)).toMatchObject({ kind: 'ok' })
})
