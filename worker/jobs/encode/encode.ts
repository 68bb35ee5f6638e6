import { resolve } from 'node:path'

import type { EncodePlan } from '../plan/encode-plan.ts'
import type { StepResult } from '../result.ts'
import { buildEncodeArgs } from './ffmpeg-arguments.ts'
import { DEFAULT_STALL_MS, runEncoder, type EncoderOptions } from './run-encoder.ts'
import { buildSoundArgs } from './sound-arguments.ts'

/** Longest time to decode a second of video. ffmpeg reports no progress in the part before a clip. */
const DECODE_MS_PER_SEC = 4000

/**
 * Encodes a whole output. One run of ffmpeg decodes the sound, another the video, and encodes both; `buildEncodeArgs` lists
 * the files that it leaves in `options.dir`. A damaged input is encoded as far as it can be decoded; validation decides about the result.
 */
export function encode(inputPath: string, plan: EncodePlan, options: EncoderOptions): Promise<StepResult> {
  const stallMs = (options.stallMs ?? DEFAULT_STALL_MS) + leadSec(plan) * DECODE_MS_PER_SEC
  const path = resolve(inputPath)
  return runEncoder(buildEncodeArgs(plan, path), { ...options, stallMs, soundArgs: buildSoundArgs(plan, path) })
}

/** Returns the seconds of the input that are decoded before the first output frame. */
function leadSec({ startSec, input }: EncodePlan): number {
  return startSec > 0 ? Math.max(0, input.shiftSec - (input.seekSec ?? 0)) : 0
}
