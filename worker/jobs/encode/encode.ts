import { resolve } from 'node:path'

import type { EncodePlan } from '../encode-plan.ts'
import { encodeArgs } from './arguments.ts'
import { type EncodeResult, type EncoderRun, runEncoder, STALL_MS } from './run-encoder.ts'

/** ffmpeg does not tell how far it is in what lies before a clip; decoding a second of it takes this at most. */
const LEAD_MS_A_SEC = 4000

/**
 * Makes a whole output of a local source in one run of ffmpeg, which decodes it once: see `encodeArgs` for the files
 * that it leaves in `run.dir`, and `runEncoder` for how it may end. A source that is damaged here and there is encoded
 * as well as it can be; whether enough came of it is for validation to say.
 */
export function encode(sourcePath: string, plan: EncodePlan, run: EncoderRun): Promise<EncodeResult> {
  const stallMs = (run.stallMs ?? STALL_MS) + leadSec(plan) * LEAD_MS_A_SEC
  return runEncoder(encodeArgs(plan, resolve(sourcePath)), { ...run, stallMs })
}

/** So much of the source is decoded before the first of it that is put out. */
function leadSec({ startSec, reading }: EncodePlan): number {
  return startSec > 0 ? Math.max(0, reading.shiftSec - (reading.seekSec ?? 0)) : 0
}
