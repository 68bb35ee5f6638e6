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

/** Returns a position; the begin of the next segment where it names a part after those of the last one. */
function moveToNext(window: PlaylistWindow, rung: string, position: PlaylistPosition): PlaylistPosition {
  const { seq, part } = position
  const last = window.segments.at(-1)
  if (part === null || last === undefined || last.seq !== seq) return position
  const { length } = partsOf(window, last, chooseRung(namesOf(window), rung))
  return length > 0 && part >= length ? { seq: seq + 1, part: 0 } : position
}

/** Returns the rungs of the last segment. */
function namesOf({ segments, runs }: PlaylistWindow): readonly string[] {
  return (findRun(runs, segments.at(-1))?.rungs ?? []).map(({ name }) => name)
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
