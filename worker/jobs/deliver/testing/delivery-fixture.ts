import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import * as v from 'valibot'
import { onTestFinished } from 'vitest'

import { createLog } from '../../../../shared/log.ts'
import { StoreSettings } from '../../../stores/open-store.ts'
import { openS3Store } from '../../../stores/s3.ts'
import { withRetries } from '../../../stores/with-retries.ts'
import { type S3DoubleOptions, startS3Double } from '../../../testing/s3-double/s3-double.ts'
import { removeIntermediateFiles } from '../cleanup.ts'
import type { Delivery, DeliveryProgress } from '../deliver.ts'

/** The job's own folder in the store. */
export const PARTS_KEY = '.tallylight/job-1/'

/** File names of an HLS set with two renditions. */
export const LADDER = [
  ...[0, 1].flatMap((n) => ['000', '001', '002'].map((i) => `segment_${n}_${i}.ts`)),
  'stream_0.m3u8',
  'stream_1.m3u8',
  'master.m3u8',
]

/** Creates a folder, a store on an S3 double, and deliveries from the one to the other; the test's end removes them. */
export async function createDeliveryFixture(options: S3DoubleOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'deliver-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const double = await startS3Double(options)
  onTestFinished(() => double[Symbol.asyncDispose]())
  const { bucket, region, endpoint, credentials } = double
  const store = withRetries(await openS3Store({ bucket, region, endpoint, credentials, publicUrl: null }))
  onTestFinished(() => store[Symbol.asyncDispose]())
  const lines: string[] = []
  const progress: DeliveryProgress[] = []
  const prepare = async (files: readonly string[], more: Partial<Delivery> = {}): Promise<Delivery> => {
    for (const name of files) await writeFile(join(dir, name), `content of ${name}`)
    return {
      store,
      set: { dir, files, entry: files.at(-1) ?? '' },
      output: { path: 'shows/7/', type: 'hls' },
      partsKey: PARTS_KEY,
      onProgress: (delivered) => progress.push(delivered),
      hasVideo: true,
      isFirstAttempt: true,
      ownsTask: () => true,
      log: createLog('test', 'debug', (line) => lines.push(line)),
      ...more,
    }
  }
  const removeAllIntermediateFiles = ({ log }: Delivery) =>
    removeIntermediateFiles(
      { output: { storage: 's3', path: 'shows/7/', type: 'hls' }, parts_key: PARTS_KEY },
      { environment: v.parse(StoreSettings, double.environment), log },
    )
  const everything = () => ({ objects: [...double.objects.keys()], uploads: double.openUploads() })
  return { dir, double, store, lines, progress, prepare, removeAllIntermediateFiles, everything }
}
