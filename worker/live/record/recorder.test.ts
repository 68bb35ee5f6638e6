import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { until } from '../../../shared/testing/until.ts'
import { createClock } from '../../platform/clock.ts'
import { openLocalStore } from '../../stores/local.ts'
import type { RecordedRun, RecordedSegment } from './recorded-segment.ts'
import { createRecorder } from './recorder.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tallylight-recorder-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const RUNG = { width: 640, height: 360, frame_rate: 30, codecs: 'avc1.64001e', bandwidth: 1 }
const RUN: RecordedRun = {
  run: {
    run: 1,
    session: '019502f0-0000-7000-8000-000000000001',
    rungs: [
      { name: '360', ...RUNG },
      { name: '180', ...RUNG },
    ],
  },
  inits: [Buffer.from('init 360'), Buffer.from('init 180')],
}

function makeSegment(n: number): RecordedSegment {
  const files = ['360', '180'].map((name) => [Buffer.from(`${name}/`), Buffer.from(`${n}`)])
  return {
    run: RUN,
    files,
    row: {
      n,
      run: 1,
      duration_sec: 2,
      program_date_time: '2026-11-29T00:00:00.000Z',
      start_ms: n * 2000,
      end_ms: n * 2000 + 2000,
      frames: 60,
      bytes: [1000, 1000],
    },
  }
}

/** Opens a recorder on a store whose folder can be blocked by a file. */
function openRecorder(maxBytes?: number) {
  const stored: number[] = []
  const missing: number[] = []
  const abort = new AbortController()
  const recorder = createRecorder({
    store: openLocalStore({ dir: join(dir, 'store'), url: 'http://127.0.0.1:9' }),
    folder: 'live/1/1/',
    scratchDir: dir,
    onSettled: ({ row }, isStored) => (isStored ? stored : missing).push(row.n),
    clock: createClock(),
    log: createLog('test', 'error', () => {}),
    signal: abort.signal,
    ...(maxBytes === undefined ? {} : { maxBytes }),
  })
  return { recorder, stored, missing, abort }
}

const block = () => writeFile(join(dir, 'store'), 'not a folder')
const unblock = () => rm(join(dir, 'store'))

test('a segment is announced once all rungs and their initialization segments are stored', async () => {
  const { recorder, stored } = openRecorder()
  for (const n of [0, 1, 2, 3, 4]) recorder.add(makeSegment(n))
  let storedBefore = -1
  recorder.after(() => (storedBefore = stored.length))
  await recorder.waitUntilIdle()
  expect(stored).toEqual([0, 1, 2, 3, 4])
  expect(storedBefore).toBe(5)
  const read = (name: string) => readFile(join(dir, 'store/live/1/1', name), 'utf8')
  expect(await Promise.all(['360/init-1.mp4', '180/init-1.mp4', '360/4.m4s', '180/0.m4s'].map(read))).toEqual([
    'init 360',
    'init 180',
    '360/4',
    '180/0',
  ])
  expect(recorder.problem()).toBeNull()
})

test('initialization segments are stored before the first segment, however often the store fails, and once', async () => {
  await block()
  const { recorder, stored } = openRecorder()
  let isPrepared = false
  const prepared = recorder.prepareRun(RUN).then((result) => (isPrepared = result))
  recorder.add(makeSegment(0))
  await until(() => recorder.problem()?.startsWith('segments cannot be stored') === true, 'the failure is known')
  expect(isPrepared).toBe(false)
  await unblock()
  expect(await prepared).toBe(true)
  expect(await readFile(join(dir, 'store/live/1/1/360/init-1.mp4'), 'utf8')).toBe('init 360')
  await recorder.waitUntilIdle()
  expect(stored).toEqual([0])
})

test('while the store fails segments wait, and are stored in order afterwards', async () => {
  await block()
  const { recorder, stored } = openRecorder()
  for (const n of [0, 1, 2, 3]) recorder.add(makeSegment(n))
  await until(() => recorder.problem()?.startsWith('segments cannot be stored') === true, 'the failure is known')
  expect(stored).toEqual([])
  await unblock()
  await recorder.waitUntilIdle()
  expect(stored).toEqual([0, 1, 2, 3])
  expect(recorder.problem()).toBeNull()
})

test('where too much waits the oldest segments are dropped, and are announced as missing', async () => {
  await block()
  const { recorder, stored, missing } = openRecorder(5000)
  for (const n of [0, 1, 2, 3]) recorder.add(makeSegment(n))
  await until(() => recorder.problem()?.includes('cannot be stored') === true, 'the failure is known')
  expect([missing, recorder.waiting()]).toEqual([[0, 1], 2])
  await unblock()
  await recorder.waitUntilIdle()
  expect([stored, missing, recorder.waiting()]).toEqual([[2, 3], [0, 1], 0])
  expect(recorder.problem()).toBe('2 segments are missing because the store failed')
})

test('an abort ends the wait for a store that fails', async () => {
  await block()
  const { recorder, abort } = openRecorder()
  recorder.add(makeSegment(0))
  const prepared = recorder.prepareRun(RUN)
  const idle = recorder.waitUntilIdle()
  abort.abort()
  await idle
  expect(await prepared).toBe(false)
})
