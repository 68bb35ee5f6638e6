/**
 * Follows the timestamps of a rendition's media from segment to segment. A duration that is wrong by little, in the playlist or
 * by the measure of one track, would add up over a long run: what it is wrong by is made up for in the next segment.
 */

/** A segment by its own timestamps, in seconds. */
export type ClockedSegment = { readonly fromSec: number; readonly durationSec: number }

export type SegmentClock = {
  /** Takes the next segment. Returns its duration, and whether it directly follows the one before it. */
  advance(segment: ClockedSegment): { readonly durationSec: number; readonly follows: boolean }
  /** Notes that the next segment does not follow the last one. */
  interrupt(): void
}

/** A segment that begins so much earlier or later than it is due follows the one before it. */
const MAX_DRIFT_SEC = 0.25
/** Timestamps are rounded. Less than this is made up for later. */
const MIN_DRIFT_SEC = 0.005
/** Timestamps of transport streams begin anew after 33 bits at 90 kHz. */
const WRAP_SEC = 2 ** 33 / 90_000

/** Creates the clock of one rendition. */
export function createSegmentClock(): SegmentClock {
  let dueSec: number | null = null
  return {
    advance({ fromSec, durationSec }) {
      const driftSec = dueSec === null ? Infinity : unwrap(fromSec - dueSec)
      const follows = Math.abs(driftSec) <= MAX_DRIFT_SEC
      const madeUpSec = follows && Math.abs(driftSec) >= MIN_DRIFT_SEC ? driftSec : 0
      // A very short segment makes up for a part.
      const lengthSec = Math.max(durationSec / 2, durationSec + madeUpSec)
      dueSec = (follows && dueSec !== null ? dueSec : fromSec) + lengthSec
      return { durationSec: lengthSec, follows }
    },
    interrupt() {
      dueSec = null
    },
  }
}

/** Returns the nearest difference of timestamps that wrap. */
function unwrap(sec: number): number {
  return sec - WRAP_SEC * Math.round(sec / WRAP_SEC)
}
