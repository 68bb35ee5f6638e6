import type { DecoderOutput, TrackOutput } from './decoder-output.ts'
import type { TrackExtent } from './track-extents.ts'

/** Pictures of at most this many lines are decoded in full, which costs less than a second run. */
const FULL_DECODE_MAX_LINES = 480

/**
 * Reports whether keyframes are enough to analyze a segment's picture: it begins with one, and no span of
 * `thresholdSec` fits between two of them or after the last. Reads packets only, so the decoding depth does not matter.
 */
export function canUseKeyframes(
  { picture, lines }: DecoderOutput,
  { toSec }: TrackExtent,
  thresholdSec: number,
): boolean {
  const [first] = picture.packets
  if (first === undefined) return true
  const keys = picture.packets.filter(({ isKey }) => isKey).map(({ sec }) => sec)
  const gaps = [...keys.slice(1), toSec].map((sec, index) => sec - (keys[index] ?? sec))
  return lines > FULL_DECODE_MAX_LINES && first.isKey && Math.max(...gaps) < thresholdSec
}

/** Reports whether every keyframe was decoded and no detector marked one. */
export function hasNoMarks({ packets, frames, marks }: TrackOutput): boolean {
  const keys = packets.filter(({ isKey }) => isKey)
  return keys.length === frames.length && Object.values(marks).every((found) => found.length === 0)
}
