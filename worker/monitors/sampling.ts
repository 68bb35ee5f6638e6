import type { Reading, Track } from './reading.ts'
import type { Extent } from './spans.ts'

/** Pictures of so many lines are decoded in full: it costs less than a second run would. */
const FULL_DECODE_MAX_LINES = 480

/**
 * Whether a segment's picture may be judged by its key frames: it begins with one, and nothing of `thresholdSec` fits
 * between two of them or after the last. Judged by the stored packets, so it holds whatever was decoded.
 */
export function canSample({ picture, lines }: Reading, { toSec }: Extent, thresholdSec: number): boolean {
  const [first] = picture.packets
  if (first === undefined) return true
  const keys = picture.packets.filter(({ isKey }) => isKey).map(({ sec }) => sec)
  const gaps = [...keys.slice(1), toSec].map((sec, index) => sec - (keys[index] ?? sec))
  return lines > FULL_DECODE_MAX_LINES && first.isKey && Math.max(...gaps) < thresholdSec
}

/** Whether every key frame was decoded, and no detector marked one. */
export function showsNothing({ packets, frames, marks }: Track): boolean {
  const keys = packets.filter(({ isKey }) => isKey)
  return keys.length === frames.length && Object.values(marks).every((found) => found.length === 0)
}
