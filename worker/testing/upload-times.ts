import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createLog } from '../../shared/log.ts'
import { mediaHeadersOf } from '../../shared/media-headers.ts'
import { deliver } from '../jobs/deliver.ts'
import { openS3Store } from '../platform/stores/s3.ts'
import { startS3Double } from './s3-double/s3-double.ts'

/** As a store in the same region has it. */
const LATENCY_MS = 5
const FILE_BYTES = 20_000

/** Seconds that a set of so many small files takes into an S3 store: as a job delivers it, and file by file. */
export async function timeUploads(
  count: number,
): Promise<{ readonly deliveredSec: number; readonly oneByOneSec: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-uploads-'))
  await using double = await startS3Double({ latencyMs: LATENCY_MS })
  const { bucket, region, endpoint, credentials } = double
  await using store = await openS3Store({ bucket, region, endpoint, credentials, publicUrl: null })
  const signal = AbortSignal.timeout(120_000)
  const files = [...Array.from({ length: count - 1 }, (_, i) => `segment_0_${i}.ts`), 'master.m3u8']
  try {
    for (const name of files) await writeFile(join(dir, name), Buffer.alloc(FILE_BYTES, name))
    const oneByOneSec = await secondsOf(async () => {
      for (const name of files) await store.put(`a/${name}`, join(dir, name), mediaHeadersOf(name), signal)
    })
    const deliveredSec = await secondsOf(async () => {
      const set = { dir, files, entry: 'master.m3u8' }
      const told = {
        onProgress: () => {},
        isFirstAttempt: true,
        hasPicture: true,
        isStillOurs: () => true,
        log: createLog('bench', 'error', console.error),
      }
      const output = { path: 'b/', type: 'hls' } as const
      const result = await deliver({ store, set, output, partsKey: '.tallylight/bench/', ...told }, signal)
      if (result.kind !== 'done') throw new Error(`the set was not delivered: ${JSON.stringify(result)}`)
    })
    return { deliveredSec, oneByOneSec }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}
