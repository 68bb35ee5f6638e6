import type { StreamPlaylist } from '../stream.ts'
import { type PlaylistCursor, signedApartMs } from './segment-identity.ts'

const DAY_SEC = 86_400
/** Numbers that leap by more than this multiple of what the program times allow are another numbering. */
const LEAP_FACTOR = 4

/**
 * Returns how many segments were missed by a leap of the numbers: no more than the program times allow. A leap of more than a
 * day, or of far more than they allow, is another numbering.
 */
export function countMissed(
  { segments, targetDurationSec }: StreamPlaylist,
  { seen }: PlaylistCursor,
  missed: number,
): number {
  const [first, newest] = [segments[0], seen.at(-1)]
  const apartMs = first === undefined || newest === undefined ? null : signedApartMs(first, newest)
  if (apartMs === null) return missed * targetDurationSec > DAY_SEC ? 0 : missed
  const possible = Math.max(0, Math.round(apartMs / (1000 * Math.max(first?.durationSec ?? 0, 0.1))) - 1)
  return missed > LEAP_FACTOR * (possible + 1) ? possible : missed
}
