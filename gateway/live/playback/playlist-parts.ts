import type { PartEvent } from '../../../shared/contract/live.ts'
import type { SegmentRow } from '../store/segments.ts'
import type { PlaylistWindow } from './playlist-window.ts'

/** Durations of parts are rounded, and the last frame's is estimated, in seconds. */
const TOLERANCE_SEC = 0.1

/** Returns the parts of a segment in a rung; none where some are gone, since then they do not add up to it. */
export function partsOf(
  { parts }: PlaylistWindow,
  { epoch, n, durationSec }: SegmentRow,
  rung: string,
): readonly PartEvent[] {
  const listed = (parts ?? []).filter((part) => part.epoch === epoch && part.n === n && part.rung === rung)
  const listedSec = listed.reduce((sum, { duration_sec: sec }) => sum + sec, 0)
  return listedSec >= durationSec - TOLERANCE_SEC ? listed : []
}
