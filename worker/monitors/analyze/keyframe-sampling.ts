import type { MediaPacket } from '../../media/demux/media-packet.ts'

/** Pictures of at most this many lines are decoded in full, which costs less than a second run. */
const FULL_DECODE_MAX_LINES = 480

/**
 * Reports whether keyframes are enough to analyze a segment's picture, which ends at `toSec`: it begins with one, and no
 * span of `thresholdSec` fits between two of them or after the last. Only keyframes that need no other frame count.
 */
export function canUseKeyframes(packets: readonly MediaPacket[], toSec: number, thresholdSec: number): boolean {
  const [first] = packets
  if (first?.isIndependent !== true) return false
  const { key, width, height } = first.format
  if (Math.min(width, height) <= FULL_DECODE_MAX_LINES || packets.some(({ format }) => format.key !== key)) return false
  const keys = packets.filter(({ isIndependent }) => isIndependent).map(({ sec }) => sec)
  const gaps = [...keys.slice(1), toSec].map((sec, index) => sec - (keys[index] ?? sec))
  return Math.max(...gaps) < thresholdSec
}
