import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { newUuid } from '../../../shared/ids.ts'
import { openLocalStore } from '../../stores/local.ts'
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
