/** The target durations of a playlist. They stay the same unless the encoder leaves frames out (RFC 8216bis §6.2.1). */

import { PART_SEC, SEGMENT_SEC, type PartEvent } from '../../../shared/contract/live.ts'
import { partSecOf } from '../../../shared/contract/live-part-length.ts'
import type { EncoderRunRow, SegmentRow } from '../store/segments.ts'

/**
 * Returns the target duration, in seconds: that of segments, or the rounded duration of a longer one, from which frames are
 * missing (RFC 8216 §4.3.3.1). A constant larger one would keep ordinary players further behind all the time.
 */
export function targetDurationOf(segments: readonly SegmentRow[]): number {
  return segments.reduce((longest, { durationSec }) => Math.max(longest, Math.round(durationSec)), SEGMENT_SEC)
}

/** Returns how far behind the end a delta update skips, in seconds: six target durations (RFC 8216bis §4.4.3.8). */
export function skipBoundaryOf(segments: readonly SegmentRow[]): number {
  return 6 * targetDurationOf(segments)
}

type TimedParts = { readonly runs: readonly EncoderRunRow[]; readonly parts: readonly PartEvent[] | null }

/** Returns the part target, in seconds: no part may be longer, nor much shorter within a segment (RFC 8216bis §4.4.4.9). */
export function partTargetOf({ runs, parts }: TimedParts): number {
  const rates = runs.flatMap(({ rungs }) => rungs.map(({ frame_rate: rate }) => rate)).filter((rate) => rate > 0)
  const expected = rates.length === 0 ? [PART_SEC] : rates.map((rate) => partSecOf(rate))
  const longest = Math.max(...expected, ...(parts ?? []).map(({ duration_sec: sec }) => sec))
  return Math.ceil(longest * 1000) / 1000
}
