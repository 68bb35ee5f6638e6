import type { EncoderProgress } from './encoder-progress.ts'

/** Speed of a running encoder and the seconds until it ends; `null` for each value that is not known. */
export type EncodeSpeed = {
  readonly fps: number | null
  /** Media time per wall-clock time. */
  readonly speed: number | null
  readonly etaSec: number | null
}

/** Returns the encoder's speed and its remaining time, to 0.1 s, for `leftSec` seconds of media. */
export function estimateEncodeSpeed({ fps, speed }: EncoderProgress, leftSec: number): EncodeSpeed {
  const etaSec = speed === null || speed <= 0 ? null : Math.round((Math.max(0, leftSec) / speed) * 10) / 10
  return { fps, speed, etaSec }
}
