/**
 * Finds the place of a media playlist at which its new segments begin. Servers number and name segments in many ways, so
 * no single sign decides. The first of these that finds a remembered segment does:
 *
 * 1. its number, together with its name or its program time;
 * 2. its program time, together with its name, under any number: the window was numbered anew;
 * 3. the name of one of the newest remembered segments, where names distinguish segments, under any number;
 * 4. its program time alone: another server that numbers and names the same segments in its own way;
 * 5. its file name, with those of the segments before it, where a token in the paths changes and numbers do not count.
 *
 * A playlist that holds none of them follows the remembered segments by its numbers, or else its numbering restarted, the
 * server does not count, it names the same segments anew at each fetch, or it is stale.
 */

import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { countMissed } from './count-missed.ts'
import { findNewestByFile } from './match-files.ts'
import { hasRestarted, isBehind, isForward, isNext, type NumberWindow, readNumberWindow } from './number-window.ts'
import {
  hashName,
  hashPath,
  isSameTime,
  MAX_CLOCK_DRIFT_MS,
  type PlaylistCursor,
  type RememberedSegment,
  timeApartMs,
} from './segment-identity.ts'

/** Where the new segments of a playlist begin, and how they relate to the remembered ones. */
export type PlaylistMatch = {
  /** Index of the first new segment. */
  readonly from: number
  /** Number of segments missed before it. */
  readonly skipped: number
  /** The remembered segments are still valid, with `shift` added to their numbers. */
  readonly isContinued: boolean
  readonly shift: number
  /** The first new segment directly follows the newest remembered one. */
  readonly isContinuous: boolean
  /** Nothing but the media can show whether the new segments are known ones under other names. */
  readonly isUnsure: boolean
  /** Numbers and names speak for new segments, and no time confirms it: another origin may list known ones. */
  readonly isDoubtful: boolean
}

const NEW: PlaylistMatch = {
  from: 0,
  skipped: 0,
  isContinued: false,
  shift: 0,
  isContinuous: false,
  isUnsure: false,
  isDoubtful: false,
}

/** Matches a playlist that has segments with the remembered ones. */
export function matchPlaylist(playlist: StreamPlaylist, cursor: PlaylistCursor): PlaylistMatch {
  const { segments } = playlist
  const window = readNumberWindow(segments, cursor)
  if (window === null) return matchUnnumbered(playlist, cursor)
  const match =
    findByNumber(segments, cursor, window) ??
    findByTimeAndName(segments, cursor) ??
    findByNewestName(segments, cursor, window) ??
    findByTimeAlone(segments, cursor, window) ??
    findByFile(segments, cursor, window) ??
    matchUnknown(playlist, cursor, window)
  return passMissed(segments, match, { cursor, window })
}

/** Passes segments that were missed before, which a node that is behind still lists: by two windows, or with one that was read. */
function passMissed(
  segments: readonly StreamSegment[],
  match: PlaylistMatch,
  { cursor, window }: { readonly cursor: PlaylistCursor; readonly window: NumberWindow },
): PlaylistMatch {
  const isNear = window.newest >= window.newestBefore - 2 * segments.length
  if (match.shift !== 0 || !(isNear || match.isContinued) || hasRestarted(window)) return match
  const next = segments.findIndex((segment, index) => index >= match.from && !isMissed(segment, cursor))
  const from = next < 0 ? segments.length : next
  if (from === match.from) return match
  return { ...NEW, from, isContinued: true, isContinuous: segments[from - 1]?.sequence === window.newestBefore }
}

/** Reports whether a segment was missed: a placeholder stands for all numbers since the one before it. */
function isMissed({ sequence }: StreamSegment, { seen }: PlaylistCursor): boolean {
  return seen.some(({ path, sequence: last }, index) => {
    const before = seen[index - 1]?.sequence ?? null
    if (sequence === null || last === null || path !== '') return false
    return sequence === last || (before !== null && sequence > before && sequence < last)
  })
}

function matchUnnumbered(playlist: StreamPlaylist, cursor: PlaylistCursor): PlaylistMatch {
  const { segments } = playlist
  const named = findByTimeAndName(segments, cursor) ?? matchByName(playlist, cursor)
  const found = named ?? findByTime(segments, cursor) ?? findByFile(segments, cursor, null)
  return found ?? { ...NEW, isUnsure: segments[0]?.programDateTimeMs === null }
}

/** Finds the newest remembered segment by its file name, in a playlist that does not count. */
function findByFile(
  segments: readonly StreamSegment[],
  cursor: PlaylistCursor,
  window: NumberWindow | null,
): PlaylistMatch | null {
  if (window !== null && window.first !== window.firstBefore) return null
  const index = findNewestByFile(segments, cursor)
  const newest = cursor.seen.at(-1)
  return index === null || newest === undefined ? null : continueAfter(segments, index, newest, cursor)
}

/** Continues a cursor after the segment at `index`, which is the remembered `seen`. */
export function continueAfter(
  segments: readonly StreamSegment[],
  index: number,
  seen: RememberedSegment,
  cursor: PlaylistCursor,
): PlaylistMatch {
  const sequence = segments[index]?.sequence ?? null
  const shift = sequence === null || seen.sequence === null ? 0 : sequence - seen.sequence
  const isContinuous = seen === cursor.seen.at(-1)
  // What was read after it may follow under other names.
  const isDoubtful = !isContinuous && seen.timeMs === null
  return { ...NEW, from: index + 1, isContinued: true, shift, isContinuous, isDoubtful }
}

function findByNumber(
  segments: readonly StreamSegment[],
  cursor: PlaylistCursor,
  window: NumberWindow,
): PlaylistMatch | null {
  const remembered = new Map(cursor.seen.map((seen) => [seen.sequence, seen]))
  for (const [index, segment] of [...segments.entries()].toReversed()) {
    const seen = remembered.get(segment.sequence)
    if (seen !== undefined && isSameNumbered(segment, seen, window)) {
      return continueAfter(segments, index, seen, cursor)
    }
  }
  return null
}

/** Reports whether a segment is the one that is remembered under its number. */
function isSameNumbered(segment: StreamSegment, seen: RememberedSegment, window: NumberWindow): boolean {
  if (isSameTime(segment, seen)) return true
  if (hasRestarted(window)) return false
  const isSamePath = seen.path === hashPath(segment)
  const apartMs = timeApartMs(segment, seen)
  if (apartMs === null) return isSamePath || (isForward(window) && seen.name === hashName(segment))
  // A clock that was set in mid-stream renews the times of a window, not its numbers and paths.
  return isSamePath && (apartMs <= MAX_CLOCK_DRIFT_MS || isForward(window))
}

/** Finds the last segment with a remembered program time, where one of them also has its path or name. */
function findByTimeAndName(segments: readonly StreamSegment[], cursor: PlaylistCursor): PlaylistMatch | null {
  const isNamed = segments.some((segment) => {
    const seen = findSameTime(segment, cursor)
    return seen !== undefined && (seen.path === hashPath(segment) || seen.name === hashName(segment))
  })
  return isNamed ? findByTime(segments, cursor) : null
}

/**
 * Finds the last segment with a remembered program time: that of the newest remembered one where it is listed, for what follows
 * it is new also where times and names begin again.
 */
function findByTime(segments: readonly StreamSegment[], cursor: PlaylistCursor): PlaylistMatch | null {
  const newest = cursor.seen.at(-1)
  const newestIndex = newest === undefined ? -1 : segments.findLastIndex((segment) => isSameTime(segment, newest))
  if (newest !== undefined && newestIndex >= 0) return continueAfter(segments, newestIndex, newest, cursor)
  for (const [index, segment] of [...segments.entries()].toReversed()) {
    const seen = findSameTime(segment, cursor)
    if (seen !== undefined) return continueAfter(segments, index, seen, cursor)
  }
  return null
}

/** Finds a segment by its time alone. Numbers that follow directly on the remembered ones are believed over that. */
function findByTimeAlone(
  segments: readonly StreamSegment[],
  cursor: PlaylistCursor,
  window: NumberWindow,
): PlaylistMatch | null {
  return isNext(window) ? null : findByTime(segments, cursor)
}

/** Returns the newest remembered segment with a segment's program time. */
function findSameTime(segment: StreamSegment, { seen }: PlaylistCursor): RememberedSegment | undefined {
  return seen.findLast((each) => isSameTime(segment, each))
}

/** Number of the newest remembered segments of which one must still be listed in a window that was numbered anew. */
const NEWEST = 3

/**
 * Finds one of the newest remembered segments by its path. Numbers that follow directly on the remembered ones, and a
 * restart with the same numbers for the same names, are believed over names.
 */
function findByNewestName(
  segments: readonly StreamSegment[],
  cursor: PlaylistCursor,
  window: NumberWindow,
): PlaylistMatch | null {
  const paths = segments.map(hashPath)
  if (isNext(window) || !isDistinct(paths) || !isDistinct(listPaths(cursor))) return null
  const isRestart = hasRestarted(window)
  for (const seen of cursor.seen.slice(-NEWEST).toReversed()) {
    const index = paths.indexOf(seen.path)
    const segment = segments[index]
    if (segment === undefined || (timeApartMs(segment, seen) ?? 0) > MAX_CLOCK_DRIFT_MS) continue
    if (!isRestart || segment.sequence !== seen.sequence) return continueAfter(segments, index, seen, cursor)
  }
  return null
}

/** Returns the paths of the remembered segments, without those of segments that were missed. */
function listPaths({ seen }: PlaylistCursor): readonly string[] {
  return seen.flatMap(({ path }) => (path === '' ? [] : [path]))
}

function isDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length
}

/** Matches segments without numbers by URL; by its path only where paths distinguish the segments of the playlist. */
function matchByName({ segments }: StreamPlaylist, { seen }: PlaylistCursor): PlaylistMatch | null {
  const isPathUnique = isDistinct(segments.map(hashPath))
  const lastSeen = segments.findLastIndex((segment) => {
    const path = isPathUnique ? hashPath(segment) : null
    const name = segment.sequence === null ? hashName(segment) : null
    return seen.some((one) => hasPathOrName(one, path, name) && (timeApartMs(segment, one) ?? 0) <= MAX_CLOCK_DRIFT_MS)
  })
  if (lastSeen < 0) return null
  const [segment, newest] = [segments[lastSeen], seen.at(-1)]
  const isContinuous = segment !== undefined && newest !== undefined && newest.path === hashPath(segment)
  return { ...NEW, from: lastSeen + 1, isContinuous }
}

function hasPathOrName(seen: RememberedSegment, path: string | null, name: string | null): boolean {
  return seen.path === path || (seen.sequence === null && seen.name === name)
}

/** Matches a numbered playlist that holds no remembered segment under any of its signs. */
function matchUnknown(playlist: StreamPlaylist, cursor: PlaylistCursor, window: NumberWindow): PlaylistMatch {
  const missed = window.first - window.newestBefore - 1
  if (missed >= 0) {
    const skipped = countMissed(playlist, cursor, missed)
    return {
      ...NEW,
      skipped,
      isContinued: true,
      isContinuous: missed === 0,
      isDoubtful: missed > 0 && !isTimed(playlist),
    }
  }
  return hasRestarted(window) ? { ...NEW, isDoubtful: !isTimed(playlist) } : matchRenamed(playlist, cursor, window)
}

/** Matches a playlist whose numbers overlap the remembered ones and whose names do not. */
function matchRenamed(playlist: StreamPlaylist, cursor: PlaylistCursor, window: NumberWindow): PlaylistMatch {
  const { segments } = playlist
  const isUnmoved = window.first === window.firstBefore
  const upToRead = segments.findLastIndex(({ sequence }) => sequence !== null && sequence <= window.newestBefore) + 1
  const apartMs = computeDriftMs(segments[upToRead - 1], cursor)
  // A server that was seen not to count, or that always lists one segment, may have replaced them all.
  const mayNotCount = isUnmoved && (cursor.isUncounted === true || segments.length === 1)
  const isSame = apartMs === null ? !mayNotCount : apartMs <= MAX_CLOCK_DRIFT_MS
  // Another server's names for the same segments, or names that change with each fetch.
  if (window.newest >= window.firstBefore && isSame) {
    return { ...NEW, from: upToRead, isContinuous: segments[upToRead - 1]?.sequence === window.newestBefore }
  }
  if (isStale(segments, cursor)) return { ...NEW, from: segments.length }
  return { ...NEW, isUnsure: apartMs === null && mayNotCount, isDoubtful: !isTimed(playlist) && !mayNotCount }
}

function isTimed({ segments: [first] }: StreamPlaylist): boolean {
  return first !== undefined && first.programDateTimeMs !== null
}

/** Returns how far a segment's program time is from that of its number, or else of the newest remembered, in ms. */
function computeDriftMs(segment: StreamSegment | undefined, { seen }: PlaylistCursor): number | null {
  const read = seen.find(({ sequence }) => sequence === segment?.sequence) ?? seen.at(-1)
  return segment === undefined || read === undefined ? null : timeApartMs(segment, read)
}

/** Reports whether a playlist ends before the newest remembered segment, by their program times, or else by their numbering. */
function isStale(segments: readonly StreamSegment[], cursor: PlaylistCursor): boolean {
  const now = segments.at(-1)?.programDateTimeMs ?? null
  const before = cursor.seen.at(-1)?.timeMs ?? null
  return now !== null && before !== null ? now <= before : isBehind(segments, cursor)
}
