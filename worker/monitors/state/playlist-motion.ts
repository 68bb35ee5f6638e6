/**
 * A playlist that moves on although none of its segments seems new. Then the signs by which it is matched are wrong, such as
 * program times that were set back: no verdict about a playlist may last for ever.
 */

import type { StreamPlaylist } from '../stream.ts'
import { isBehind } from './number-window.ts'
import { hashName, hashPath, type PlaylistCursor } from './segment-identity.ts'

export type PlaylistMotion = {
  /** When the first segment came that was never read, in ms since 1970. */
  readonly sinceMs: number
  /** Paths of the newest segments since then. */
  readonly paths: readonly string[]
}

/** Newest segments of so many fetches, over so many target durations, show that a playlist moves. */
const MOVES = 3
const TARGET_DURATIONS = 2

/** Returns the motion after a fetch at `atMs` that seemed to have nothing new; `null` while its newest segment is known. */
export function afterNothingNew(
  motion: PlaylistMotion | null,
  { segments }: StreamPlaylist,
  { cursor, atMs }: { readonly cursor: PlaylistCursor | null; readonly atMs: number },
): PlaylistMotion | null {
  const newest = segments.at(-1)
  if (newest === undefined || cursor === null) return null
  const [path, name] = [hashPath(newest), hashName(newest)]
  // Servers that are behind show segments that were read.
  if (cursor.seen.some((seen) => seen.path === path || seen.name === name) || isBehind(segments, cursor)) return motion
  return moveTo(motion, path, atMs)
}

/** Returns the motion after a fetch at `atMs` whose newest segment has this path. */
export function moveTo(motion: PlaylistMotion | null, path: string, atMs: number): PlaylistMotion {
  if (motion === null) return { sinceMs: atMs, paths: [path] }
  return motion.paths.includes(path) ? motion : { ...motion, paths: [...motion.paths, path].slice(-MOVES) }
}

/** Returns whether a playlist has moved for long enough to be read anew. */
export function isMoving(motion: PlaylistMotion | null, targetDurationSec: number, atMs: number): boolean {
  if (motion === null || motion.paths.length < MOVES) return false
  return atMs - motion.sinceMs >= TARGET_DURATIONS * targetDurationSec * 1000
}
