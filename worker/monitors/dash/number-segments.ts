import type { DashSegment } from './list-segments.ts'

/**
 * Numbers the segments of one representation across fetches of its MPD. An MPD may number the segments of each period
 * anew, or not at all, while those of a playlist count on.
 */
export type SegmentNumbering = {
  /** Returns the number of each listed segment. `startMs`: availabilityStartTime; another one begins anew. */
  number(listed: readonly DashSegment[], startMs: number | null): readonly number[]
}

/** What was listed at the last fetch. */
type NumberedListing = {
  readonly startMs: number | null
  /** Numbers by the segments' places on the time line. */
  readonly numbers: ReadonlyMap<number, number>
  readonly newest: DashSegment
  readonly newestNumber: number
}

/** Creates a numbering that begins with the MPD's own numbers, or else with its time in segments. */
export function createSegmentNumbering(): SegmentNumbering {
  let last: NumberedListing | null = null
  return {
    number(listed, startMs) {
      const newest = listed.at(-1)
      if (newest === undefined) return []
      const before = last !== null && last.startMs === startMs ? last : null
      const first = (before === null ? null : continueNumbers(listed, before)) ?? beginNumbers(listed)
      const numbers = listed.map((_, index) => first + index)
      const places = listed.map((segment, index) => [placeOf(segment), first + index] as const)
      last = { startMs, numbers: new Map(places), newest, newestNumber: first + listed.length - 1 }
      return numbers
    },
  }
}

/** Returns a segment's place on the time line, in hundredths of a second. */
function placeOf({ startSec }: DashSegment): number {
  return Math.round(startSec * 100)
}

/** Returns the first number of a listing that continues another one; `null` where it does not. */
function continueNumbers(listed: readonly DashSegment[], before: NumberedListing): number | null {
  const known = listed.findIndex((segment) => before.numbers.has(placeOf(segment)))
  const number = known < 0 ? undefined : before.numbers.get(placeOf(listed[known] ?? before.newest))
  if (number !== undefined) return number - known
  const [first] = listed
  const missed = first === undefined ? null : countMissed(first, before.newest)
  return missed === null ? null : before.newestNumber + 1 + missed
}

/** Counts the segments between the newest of a listing and the first of a later one; `null` where it is not later. */
function countMissed(first: DashSegment, newest: DashSegment): number | null {
  const isSamePeriod = first.periodKey === newest.periodKey && first.number !== null && newest.number !== null
  const byNumber = isSamePeriod ? (first.number ?? 0) - (newest.number ?? 0) - 1 : -1
  if (byNumber >= 0) return byNumber
  const gapSec = first.startSec - newest.startSec - newest.durationSec
  const missed = Math.round(gapSec / first.durationSec)
  return missed >= 0 && Number.isSafeInteger(missed) ? missed : null
}

/** Returns the first number of a listing without another before it. */
function beginNumbers([first]: readonly DashSegment[]): number {
  return first === undefined ? 0 : (first.number ?? Math.round(first.startSec / first.durationSec))
}
