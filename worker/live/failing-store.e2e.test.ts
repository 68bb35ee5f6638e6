import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { expect, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { startWorker } from '../../shared/testing/worker-process.ts'
import type { Fault } from '../testing/s3-double/faults.ts'
import { startS3Double, type S3Double } from '../testing/s3-double/s3-double.ts'
import { liveEnv } from '../testing/worker-environments.ts'
import { makeCounterClip } from './testing/counter-clip.ts'
import { startIngestDouble } from './testing/ingest-double.ts'
import { startLiveGateway } from './testing/live-gateway.ts'
import { createFolder, expectAllFrames, untilFinished } from './testing/live-worker.ts'

const FAULTS = {
  slow: { kind: 'slow', ms: 1500 },
  overloaded: { kind: 'refuse', code: 'SlowDown' },
  cut: { kind: 'cut', afterBytes: 100 },
  full: { kind: 'refuse', code: 'XMinioStorageFull' },
} as const satisfies Record<string, Fault>
type Weakness = keyof typeof FAULTS

/** Three segments and an initialization segment in two rungs each, and a picture. */
const MOST_UPLOADS = (3 + 1) * 2 + 1

/** Starts a store whose uploads fail as `behave` says. */
async function startWeakStore(): Promise<S3Double & { behave(weakness: Weakness | null): void }> {
  const double = await startS3Double()
  let present: Weakness | null = null
  for (const [name, fault] of Object.entries(FAULTS))
    double.inject({ isFor: ({ operation }) => operation === 'PutObject' && present === name, fault })
  return { ...double, behave: (weakness) => void (present = weakness) }
}

/** Writes what a store holds into a folder, as a local store has it. */
async function copyObjects({ objects }: S3Double, folder: string): Promise<void> {
  for (const [key, { bytes }] of objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await writeFile(join(folder, key), bytes)
  }
}

test('while the store is slow, overloaded, cut off and full, segments wait; afterwards all of them are stored once, in order', async () => {
  await using folder = await createFolder()
  const { dir } = folder
  const clip = await makeCounterClip({ sec: 20, fps: '30' })
  await using store = await startWeakStore()
  store.behave('slow')
  await using ingest = await startIngestDouble(clip)
  await using gateway = await startLiveGateway({ source: ingest.source })
  await using worker = startWorker(liveEnv(gateway.origin, dir, { ...store.environment, STORAGE_TYPE: 's3' }))
  await until(() => gateway.segments().length >= 2, 'segments are stored though the store is slow')

  const healths = () => gateway.reports().map(({ health }) => health)
  /** Lets the store fail until the worker has reported how. */
  const failUntilReported = async (weakness: Weakness, problem: RegExp) => {
    const before = healths().length
    store.behave(weakness)
    const isReported = () =>
      healths()
        .slice(before)
        .some((health) => problem.test(health.problem ?? ''))
    await until(isReported, `the store is reported as ${weakness}`)
  }
  await failUntilReported('overloaded', /^segments cannot be stored: S3: SlowDown/)
  await failUntilReported('cut', /^segments cannot be stored: S3: (?!SlowDown)/)
  await failUntilReported('full', /^segments cannot be stored: no space is left \(ENOSPC\)/)
  expect(Math.max(...healths().map((health) => health.waiting_segments ?? 0))).toBeGreaterThanOrEqual(2)
  store.behave(null)
  await untilFinished(gateway, ingest, worker)
  const isWell = () => healths().at(-1)?.problem === null && healths().at(-1)?.waiting_segments === 0
  await until(isWell, 'the worker reports that all is well')

  expect(store.mostUploadsAtOnce()).toBeLessThanOrEqual(MOST_UPLOADS)
  expect(gateway.segments().filter((segment) => segment.is_missing === true)).toEqual([])
  expect(gateway.segments().map(({ n }) => n)).toEqual(gateway.segments().map((_one, i) => i))
  await copyObjects(store, join(dir, 'store'))
  await expectAllFrames(gateway, clip, dir)
})
