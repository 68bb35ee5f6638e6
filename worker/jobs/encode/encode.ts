import { resolve } from 'node:path'

import type { EncodePlan } from '../plan/encode-plan.ts'
import type { StepResult } from '../result.ts'
import { buildEncodeArgs } from './ffmpeg-arguments.ts'
import { DEFAULT_STALL_MS, runEncoder, type EncoderOptions } from './run-encoder.ts'

/** Longest time to decode a second of video. ffmpeg reports no progress in the part before a clip. */
const DECODE_MS_PER_SEC = 4000

/**
 * Encodes a whole output in one run of ffmpeg, which decodes the input once; `buildEncodeArgs` lists the files that it
 * leaves in `options.dir`. A damaged input is encoded as far as it can be decoded; validation decides about the result.
 */
export function encode(inputPath: string, plan: EncodePlan, options: EncoderOptions): Promise<StepResult> {
  const stallMs = (options.stallMs ?? DEFAULT_STALL_MS) + leadSec(plan) * DECODE_MS_PER_SEC
  return runEncoder(buildEncodeArgs(plan, resolve(inputPath)), { ...options, stallMs })
}

/** Returns the seconds of the input that are decoded before the first output frame. */
function leadSec({ startSec, input }: EncodePlan): number {
  return startSec > 0 ? Math.max(0, input.shiftSec - (input.seekSec ?? 0)) : 0
}
