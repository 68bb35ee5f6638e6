import type { EncoderProgress } from './encode/encoder-progress.ts'
import type { Pace } from './state.ts'

/** How fast ffmpeg is, and how long it will take with so much media time left; ffmpeg may not know its speed yet. */
export function paceOf({ fps, speed }: EncoderProgress, leftSec: number): Pace {
  const etaSec = speed === null || speed <= 0 ? null : Math.round((Math.max(0, leftSec) / speed) * 10) / 10
  return { fps, speed, etaSec }
}
