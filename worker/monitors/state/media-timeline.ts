/**
 * Where the media of the last seconds lies in stream time. The program date-times of a stream may leap while its media goes
 * on, so that a position before a segment does not lie on that segment's clock.
 */

import * as v from 'valibot'

/** Stretches of media without a leap, up to the newest segment, in the order of the media. */
export const MediaTimeline = v.pipe(v.array(v.object({ startMs: v.number(), durationSec: v.number() })), v.readonly())
export type MediaTimeline = Readonly<v.InferOutput<typeof MediaTimeline>>

/** A segment and the stream time of its start, in ms since 1970. */
type PlacedSegment = { readonly startMs: number; readonly durationSec: number }

/** Times that differ by less are rounded. */
const MIN_LEAP_MS = 250
/** Longest media that is kept, in seconds: a frozen picture is found late. */
const KEPT_SEC = 30
const MAX_STRETCHES = 8

/** Returns the timeline after a segment that directly follows its media. */
export function extendTimeline(timeline: MediaTimeline, { startMs, durationSec }: PlacedSegment): MediaTimeline {
  const last = timeline.at(-1)
  const leapMs = last === undefined ? Infinity : startMs - last.startMs - last.durationSec * 1000
  const isLeap = last === undefined || Math.abs(leapMs) >= MIN_LEAP_MS
  const beforeSec = isLeap ? 0 : Math.min(last.durationSec, KEPT_SEC)
  const newest = { startMs: startMs - beforeSec * 1000, durationSec: beforeSec + durationSec }
  const older = isLeap ? timeline : timeline.slice(0, -1)
  return newest.durationSec >= KEPT_SEC ? [newest] : [...older.slice(1 - MAX_STRETCHES), newest]
}

/** Returns the stream time of a position in a segment, in ms since 1970. One before its start lies in the media before it. */
export function toStreamMs({ startMs }: PlacedSegment, sec: number, before: MediaTimeline): number {
  let [fromMs, restSec] = [startMs, sec]
  for (const stretch of before.toReversed()) {
    if (restSec >= 0) break
    fromMs = stretch.startMs
    restSec += stretch.durationSec
  }
  return fromMs + restSec * 1000
}
