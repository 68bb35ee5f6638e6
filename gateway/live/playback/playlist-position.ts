/** Positions in a playlist, which its delivery directives name (RFC 8216bis §6.2.5.2). */

import { chooseRung } from '../rules/choose-rung.ts'
import { findRun } from '../rules/continuous-runs.ts'
import { partTargetOf } from './playlist-durations.ts'
import { partsOf } from './playlist-parts.ts'
import { findTail } from './playlist-tail.ts'
import type { PlaylistWindow } from './playlist-window.ts'

/** `_HLS_msn`, and `_HLS_part` or `null`. */
export type PlaylistPosition = { readonly seq: number; readonly part: number | null }

/** How far a position may be ahead of the last segment. */
const FARTHEST_SEGMENTS = 2
/** How far it may be ahead of the last part, in seconds. Parts of a second and more count as one. */
const FARTHEST_SEC = 3

/** Returns whether a window has what a blocking reload waits for: a segment, or a part of the one after the last. */
export function hasPosition(window: PlaylistWindow, rung: string, position: PlaylistPosition): boolean {
  const last = lastSeqOf(window)
  const { seq, part } = moveToNext(window, rung, position)
  if (window.hasEnded || last >= seq) return true
  return part !== null && seq === last + 1 && findTail(window, rung).parts.length > part
}

/**
 * Returns the newest position of a rendition; `part` is `null` where the parts of its last segment are not listed. Where only
 * the first part of a segment is there, it is the last one before: hls.js 1.7 reads a part of 0 as none.
 */
export function lastPositionOf(window: PlaylistWindow, rung: string): PlaylistPosition {
  const seq = lastSeqOf(window)
  const newer = findTail(window, rung).parts.length
  if (newer > 1) return { seq: seq + 1, part: newer - 1 }
  const listed = countLastParts(window, rung)
  return { seq, part: listed === 0 ? null : listed - 1 }
}

/** Returns a position; the begin of the next segment where it names a part after those of the last one. */
function moveToNext(window: PlaylistWindow, rung: string, position: PlaylistPosition): PlaylistPosition {
  const { seq, part } = position
  if (part === null || seq !== lastSeqOf(window)) return position
  const listed = countLastParts(window, rung)
  return listed > 0 && part >= listed ? { seq: seq + 1, part: 0 } : position
}

/** Returns how many parts the last segment has; 0 where they are not listed. */
function countLastParts(window: PlaylistWindow, rung: string): number {
  const last = window.segments.at(-1)
  const names = (findRun(window.runs, last)?.rungs ?? []).map(({ name }) => name)
  return last === undefined ? 0 : partsOf(window, last, chooseRung(names, rung)).length
}

/** Returns whether a position is farther ahead than a player may wait for. hls.js 1.7 may be one part beyond the limit. */
export function isTooFar(window: PlaylistWindow, rung: string, { seq, part }: PlaylistPosition): boolean {
  const last = lastSeqOf(window)
  if (seq > last + FARTHEST_SEGMENTS) return true
  if (part === null || seq <= last) return false
  const listed = seq === last + 1 ? findTail(window, rung).parts.length : 0
  return part > listed + Math.ceil(FARTHEST_SEC / Math.min(1, partTargetOf(window)))
}

function lastSeqOf({ segments }: PlaylistWindow): number {
  return segments.at(-1)?.seq ?? -1
}
