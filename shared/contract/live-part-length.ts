import { PART_SEC } from './live.ts'

/** Timestamps are rounded to ms, in seconds. */
const ROUNDING_SEC = 0.001

/** Returns the length of parts at a frame rate, in seconds: as many whole frames as fit into `PART_SEC`, and at least one. */
export function partSecOf(frameRate: number): number {
  return Math.max(1, Math.floor((PART_SEC + ROUNDING_SEC) * frameRate)) / frameRate
}
