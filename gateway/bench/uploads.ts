import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import * as v from 'valibot'

import type { BenchResult } from './result-table.ts'

/** The program that measures uploads. It runs in a process of its own, because the gateway imports no worker code. */
const PROGRAM = ['--import', 'tsx', 'worker/testing/upload-times.ts']

const UploadTimes = v.object({ files: v.number(), deliveredSec: v.number(), oneByOneSec: v.number() })

/** Compares the delivery of many small files to S3, as a job does it, with uploads one after the other. */
export async function benchUploads(): Promise<BenchResult[]> {
  const { stdout } = await promisify(execFile)(process.execPath, PROGRAM)
  const { files, deliveredSec, oneByOneSec } = v.parse(v.pipe(v.string(), v.parseJson(), UploadTimes), stdout)
  return [
    {
      name: `upload of ${files} small files to S3, 5 ms away, playlists last`,
      ours: `${deliveredSec.toFixed(2)} s`,
      compared: `one by one: ${oneByOneSec.toFixed(2)} s`,
      ratio: deliveredSec / oneByOneSec,
      goal: '≤ 0.5',
    },
  ]
}
