import { resolve } from 'node:path'

import type { EncodePlan } from '../encode-plan.ts'
import { encodeArgs } from './arguments.ts'
import { type EncodeResult, type EncoderRun, runEncoder } from './run-encoder.ts'

/**
 * Makes a whole output of a local source in one run of ffmpeg, which decodes it once: see `encodeArgs` for the files
 * that it leaves in `run.dir`, and `runEncoder` for how it may end. A source that is damaged here and there is encoded
 * as well as it can be; whether enough came of it is for validation to say.
 */
export function encode(sourcePath: string, plan: EncodePlan, run: EncoderRun): Promise<EncodeResult> {
  return runEncoder(encodeArgs(plan, resolve(sourcePath)), run)
}
