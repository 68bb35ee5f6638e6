import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startWorker, type WorkerProcess } from '../../../shared/testing/worker-process.ts'
import { liveEnv } from '../../testing/worker-environments.ts'
import type { CounterClip } from './counter-clip.ts'
import type { IngestDouble } from './ingest-double.ts'
import type { LiveGateway } from './live-gateway.ts'
import { readStoredFrames } from './stored-frames.ts'

/** Creates a folder for one test; disposing of it removes it. */
export async function createFolder() {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-live-'))
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Returns where the segments of a rung are, for `readStoredFrames`. */
export const stored = (dir: string, rung: string) => ({ storeDir: join(dir, 'store'), workDir: dir, rung })
/** Returns the sum of numbers. */
export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
/** Returns the numbers from 0 to `count` − 1. */
export const numbersUpTo = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Starts the worker of a broadcast whose store is `dir`/store. */
export function startLiveWorker(gateway: LiveGateway, dir: string): WorkerProcess {
  return startWorker(liveEnv(gateway.origin, dir))
}

/** Resolves once a session is reported as finished. */
export async function untilFinished(gateway: LiveGateway, ingest: IngestDouble, worker: WorkerProcess): Promise<void> {
  const isFinished = () => gateway.reports().some((report) => report.finished_session === ingest.source.session)
  const finished = until(isFinished, 'the session is finished').then(() => true)
  const isDone = await Promise.race([finished, worker.exited.then(isFinished)])
  if (!isDone) throw new Error(`the worker has exited:\n${worker.lines.join('\n')}`)
}

/** Checks that both rungs hold every frame of the clip once, in order. */
export async function expectAllFrames(gateway: LiveGateway, clip: CounterClip, dir: string): Promise<void> {
  expect(sum(gateway.segments().map(({ frames }) => frames))).toBe(clip.frames)
  for (const rung of ['180', '90'])
    expect(await readStoredFrames(stored(dir, rung), gateway.segments())).toEqual(numbersUpTo(clip.frames))
}
