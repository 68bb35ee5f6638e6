import type { DashSegment } from './list-segments.ts'

/**
 * Numbers the segments of one representation across fetches of its MPD. An MPD may number the segments of each period
 * anew, or not at all, while those of a playlist count on.
 */
export type SegmentNumbering = {
  /**
   * Returns the number of each listed segment; `null` for one that is listed late, between two that are numbered.
   * `startMs`: availabilityStartTime; another one begins anew.
   */
  number(listed: readonly DashSegment[], startMs: number | null): readonly (number | null)[]
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
      const numbers =
        (before === null ? null : (keepNumbers(listed, before) ?? continueNumbers(listed, before))) ??
        countFrom(beginNumbers(listed), listed)
      const places = listed.flatMap((segment, index) => {
        const number = numbers[index] ?? null
        return number === null ? [] : [[placeOf(segment), number] as const]
      })
      last = { startMs, numbers: new Map(places), newest, newestNumber: numbers.at(-1) ?? 0 }
      return numbers
    },
  }
}

/** Returns a segment's place on the time line, in hundredths of a second. */
function placeOf({ startSec }: DashSegment): number {
  return Math.round(startSec * 100)
}

function countFrom(first: number, listed: readonly DashSegment[]): readonly number[] {
  return listed.map((_, index) => first + index)
}

/** Numbers a listing whose segments were listed before in part: these keep their numbers. `null` where none was. */
function keepNumbers(listed: readonly DashSegment[], { numbers }: NumberedListing): readonly (number | null)[] | null {
  const known = listed.map((segment) => numbers.get(placeOf(segment)))
  const firstKnown = known.findIndex((number) => number !== undefined)
  if (firstKnown < 0) return null
  let number = (known[firstKnown] ?? 0) - firstKnown - 1
  return known.map((kept, index) => {
    if (kept !== undefined && kept > number) return (number = kept)
    const next = known.slice(index + 1).find((later) => later !== undefined) ?? Infinity
    return number + 1 < next ? ++number : null
  })
}

/** Numbers a listing that is all later than another one; `null` where it is not. */
function continueNumbers(listed: readonly DashSegment[], before: NumberedListing): readonly number[] | null {
  const [first] = listed
  const missed = first === undefined ? null : countMissed(first, before.newest)
  return missed === null ? null : countFrom(before.newestNumber + 1 + missed, listed)
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
