/** Shortest and longest clip, in seconds. */
export const CLIP_SEC = { min: 5, max: 90 } as const

/** A stored segment, as far as it decides where a clip lies. */
export type TimedSegment = { readonly seq: number; readonly durationSec: number }

/** Where a clip lies: its first and last segment, and its begin in seconds from that of the first one. */
export type ClipRange = { readonly firstSeq: number; readonly lastSeq: number; readonly startSec: number }

/** Durations of segments are rounded to ms. */
const TOLERANCE_SEC = 0.05

/** Returns how long segments are together, in seconds. */
export function sumDurations(segments: readonly TimedSegment[]): number {
  return segments.reduce((sum, { durationSec }) => sum + durationSec, 0)
}

/**
 * Returns the segments of a clip that begins `startSec` after the begin of these segments; `null` where it does not lie
 * within them.
 */
export function locateClip(
  segments: readonly TimedSegment[],
  { startSec, durationSec }: { readonly startSec: number; readonly durationSec: number },
): ClipRange | null {
  const totalSec = sumDurations(segments)
  if (startSec < -TOLERANCE_SEC || startSec + durationSec > totalSec + TOLERANCE_SEC) return null
  const begin = Math.max(0, Math.min(startSec, totalSec - durationSec))
  let endSec = 0
  const covering = segments.flatMap(({ seq, durationSec: sec }) => {
    const beginSec = endSec
    endSec += sec
    return endSec > begin && beginSec < begin + durationSec ? [{ seq, beginSec }] : []
  })
  const [first] = covering
  const last = covering.at(-1)
  if (first === undefined || last === undefined) return null
  return { firstSeq: first.seq, lastSeq: last.seq, startSec: begin - first.beginSec }
}
