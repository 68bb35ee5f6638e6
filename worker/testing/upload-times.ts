/**
 * Measures how long a set of small files takes to be stored in S3: as a job delivers it, and one file after the other.
 * A program of its own: prints its result as one line of JSON, `{ files, deliveredSec, oneByOneSec }`.
 * Usage: node --import tsx worker/testing/upload-times.ts
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createLog } from '../../shared/log.ts'
import { chooseMediaHeaders } from '../../shared/net/media-headers.ts'
import { deliver, type Delivery } from '../jobs/deliver/deliver.ts'
import { openS3Store } from '../stores/s3.ts'
import { startS3Double } from './s3-double/s3-double.ts'

const FILES = 300
const FILE_BYTES = 20_000
/** Latency of a store in the same region. */
const LATENCY_MS = 5
const TIMEOUT_MS = 120_000

const dir = await mkdtemp(join(tmpdir(), 'tallylight-uploads-'))
try {
  process.stdout.write(`${JSON.stringify({ files: FILES, ...(await timeUploads()) })}\n`)
} finally {
  await rm(dir, { recursive: true, force: true })
}

async function timeUploads(): Promise<{ deliveredSec: number; oneByOneSec: number }> {
  await using double = await startS3Double({ latencyMs: LATENCY_MS })
  const { bucket, region, endpoint, credentials } = double
  await using store = await openS3Store({ bucket, region, endpoint, credentials, publicUrl: null })
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const files = [...Array.from({ length: FILES - 1 }, (_, i) => `segment_0_${i}.ts`), 'master.m3u8']
  for (const name of files) await writeFile(join(dir, name), Buffer.alloc(FILE_BYTES, name))
  const delivery: Delivery = {
    store,
    set: { dir, files, entry: 'master.m3u8' },
    output: { path: 'b/', type: 'hls' },
    hasVideo: true,
    partsKey: '.tallylight/bench/',
    onProgress: () => {},
    ownsTask: () => true,
    isFirstAttempt: true,
    log: createLog('bench', 'error', console.error),
  }
  const oneByOneSec = await timeInSec(async () => {
    for (const name of files) await store.put(`a/${name}`, join(dir, name), chooseMediaHeaders(name), signal)
  })
  const deliveredSec = await timeInSec(async () => {
    const result = await deliver(delivery, signal)
    if (result.kind !== 'done') throw new Error(`the delivery failed: ${JSON.stringify(result)}`)
  })
  return { deliveredSec, oneByOneSec }
}

async function timeInSec(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}
