/**
 * Finds the segments of a media playlist that are new since its last fetch. Servers number and name segments in many
 * ways, so the cursor remembers the last segments and decides in this order:
 *
 * 1. A numbered playlist (EXT-X-MEDIA-SEQUENCE) continues after its last segment that is remembered under its number.
 * 2. If it lies beyond the remembered segments, the segments in between were missed.
 * 3. If it holds none of them and does not lie beyond, the numbering restarted, the server does not count, another
 *    server names the same segments differently, or the playlist is stale (`findFirstUnknown`).
 * 4. A playlist without numbers continues after its last segment whose URL is remembered.
 *
 * Program date-times overrule numbers and names wherever both segments have one.
 */

import { createHash } from 'node:crypto'

import * as v from 'valibot'

import type { StreamPlaylist, StreamSegment } from '../stream.ts'

/** Number of remembered segments: enough to recognize a stale playlist, and less than 2 kB as JSON. */
const REMEMBERED = 20

/** A segment that was read. Path and name are hashes, so that no URL with its keys is stored. */
const RememberedSegment = v.object({
  sequence: v.nullable(v.number()),
  /** Path and byte range of its URL; hosts and queries change between two answers. */
  path: v.string(),
  /** Last part of the path; without a sequence, the whole URL. */
  name: v.string(),
  /** Program date-time in ms since 1970. */
  timeMs: v.nullable(v.number()),
})
type RememberedSegment = v.InferOutput<typeof RememberedSegment>

/** How far a media playlist was read. Small and plain JSON, so that another process can continue from it. */
export const PlaylistCursor = v.object({
  /** The newest segments that were read, in the playlist's order. */
  seen: v.pipe(v.array(RememberedSegment), v.minLength(1), v.maxLength(REMEMBERED)),
  /** Sequence of the playlist's first segment when it last had something new. */
  first: v.nullable(v.number()),
})
export type PlaylistCursor = v.InferOutput<typeof PlaylistCursor>

export type NewSegments = {
  readonly fresh: readonly StreamSegment[]
  /** Number of segments that left the playlist unread. */
  readonly skipped: number
  /** The cursor after `fresh`; `null` until a playlist holds a segment. */
  readonly cursor: PlaylistCursor | null
}

/**
 * Returns the segments of a playlist that are new since `cursor`. Without a cursor these are the last 30 s of media, at
 * least three segments. A stale playlist has none; one whose numbering restarted has all of its segments.
 */
export function findNewSegments(playlist: StreamPlaylist, cursor: PlaylistCursor | null): NewSegments {
  const { segments } = playlist
  if (segments.length === 0) return { fresh: [], skipped: 0, cursor }
  const match =
    cursor === null ? { from: findJoinIndex(segments), skipped: 0, isContinued: false } : matchCursor(playlist, cursor)
  const fresh = segments.slice(match.from)
  if (fresh.length === 0) return { fresh, skipped: 0, cursor }
  const seen = match.isContinued
    ? [...(cursor?.seen ?? []), ...fresh.slice(-REMEMBERED).map(toRemembered)]
    : segments.slice(-REMEMBERED).map(toRemembered)
  return {
    fresh,
    skipped: match.skipped,
    cursor: { seen: seen.slice(-REMEMBERED), first: segments[0]?.sequence ?? null },
  }
}

/** Index of the first new segment, the number missed before it, and whether the remembered segments are still valid. */
type CursorMatch = { readonly from: number; readonly skipped: number; readonly isContinued: boolean }

const JOIN_MS = 30_000
const JOIN_SEGMENTS = 3

function findJoinIndex(segments: readonly StreamSegment[]): number {
  let totalMs = 0
  const before = segments.findLastIndex((segment, index) => {
    totalMs += segment.durationSec * 1000
    return Math.round(totalMs) > JOIN_MS && segments.length - index > JOIN_SEGMENTS
  })
  return before + 1
}

function matchCursor(playlist: StreamPlaylist, cursor: PlaylistCursor): CursorMatch {
  const window = readSequenceWindow(playlist.segments, cursor)
  return window === null ? matchByName(playlist, cursor) : matchBySequence(playlist, cursor, window)
}

/** First and newest sequence of a numbered playlist, in this fetch and in the last one that had something new. */
const SequenceWindow = v.object({
  first: v.number(),
  newest: v.number(),
  firstBefore: v.number(),
  newestBefore: v.number(),
})
type SequenceWindow = v.InferOutput<typeof SequenceWindow>

function readSequenceWindow(
  segments: readonly StreamSegment[],
  { seen, first }: PlaylistCursor,
): SequenceWindow | null {
  const now = { first: segments[0]?.sequence, newest: segments.at(-1)?.sequence }
  const before = { firstBefore: first, newestBefore: seen.at(-1)?.sequence }
  const window = v.safeParse(SequenceWindow, { ...now, ...before })
  return window.success ? window.output : null
}

function matchBySequence(playlist: StreamPlaylist, cursor: PlaylistCursor, window: SequenceWindow): CursorMatch {
  const { segments, targetDurationSec } = playlist
  const remembered = new Map(cursor.seen.map((seen) => [seen.sequence, seen]))
  const lastSeen = segments.findLastIndex((segment) => {
    const seen = remembered.get(segment.sequence)
    return seen !== undefined && isSameSegment(segment, seen, window)
  })
  if (lastSeen >= 0) return { from: lastSeen + 1, skipped: 0, isContinued: true }
  const missed = window.first - window.newestBefore - 1
  // A leap of more than a day is another numbering, such as by the clock.
  if (missed >= 0) return { from: 0, skipped: missed * targetDurationSec > DAY_SEC ? 0 : missed, isContinued: true }
  return { from: findFirstUnknown(playlist, cursor, window), skipped: 0, isContinued: false }
}

/** Returns the index of the first new segment where a playlist holds no remembered segment and is not beyond them. */
function findFirstUnknown(playlist: StreamPlaylist, cursor: PlaylistCursor, window: SequenceWindow): number {
  const { segments } = playlist
  if (hasRestarted(window)) return 0
  const isUncounted = window.first === window.firstBefore
  const named = isUncounted ? matchByName(playlist, cursor).from : 0
  // The window moved and the number did not: the server does not count.
  if (named > 0) return named
  const upToRead = segments.findLastIndex(({ sequence }) => sequence !== null && sequence <= window.newestBefore) + 1
  const apartMs = computeDriftMs(segments[upToRead - 1], cursor) ?? (isUncounted ? Infinity : 0)
  // Another server's names for the same segments: one that is behind, or that replaces the first.
  if (window.newest >= window.firstBefore && apartMs <= MAX_CLOCK_DRIFT_MS) return upToRead
  return isStale(segments, cursor) ? segments.length : 0
}

/** Returns how far a segment's program time is from that of its number, or else of the newest remembered, in ms. */
function computeDriftMs(segment: StreamSegment | undefined, { seen }: PlaylistCursor): number | null {
  const read = seen.find(({ sequence }) => sequence === segment?.sequence) ?? seen.at(-1)
  return segment === undefined || read === undefined ? null : timeApartMs(segment, read)
}

const DAY_SEC = 86_400

/** Largest difference between two servers' program times of one segment. Beyond it, it is another segment. */
const MAX_CLOCK_DRIFT_MS = 10_000
/** Program times within this, and within half a segment, are equal: a page that is resolved again has other URLs. */
const JITTER_MS = 1500

/** Reports whether a segment is the one that is remembered under its number. */
function isSameSegment(segment: StreamSegment, seen: RememberedSegment, window: SequenceWindow): boolean {
  const apartMs = timeApartMs(segment, seen)
  const isSamePath = seen.path === hashPath(segment)
  const isRestart = hasRestarted(window)
  if (apartMs !== null)
    return apartMs <= (isSamePath && !isRestart ? MAX_CLOCK_DRIFT_MS : Math.min(JITTER_MS, segment.durationSec * 500))
  if (isRestart) return false
  const isForward = window.first >= window.firstBefore && window.newest >= window.newestBefore
  return isSamePath || (isForward && seen.name === hashName(segment))
}

function timeApartMs(segment: StreamSegment, seen: RememberedSegment): number | null {
  if (segment.programDateTimeMs === null || seen.timeMs === null) return null
  return Math.abs(segment.programDateTimeMs - seen.timeMs)
}

/**
 * Reports whether an encoder restarted its numbering, perhaps with the same names. Its playlist then lies before the
 * old window or is at most half as long; a stale one, whose first segment is still listed, is only a little shorter.
 */
function hasRestarted({ first, newest, firstBefore, newestBefore }: SequenceWindow): boolean {
  if (first > 1) return false
  const isHalf = 2 * (newest - first + 1) <= newestBefore - firstBefore + 1
  return newest < firstBefore || (newest < newestBefore - 1 && isHalf)
}

/** Reports whether a playlist ends before the newest remembered segment, by their program times. */
function isStale(segments: readonly StreamSegment[], cursor: PlaylistCursor): boolean {
  const now = segments.at(-1)?.programDateTimeMs ?? null
  const before = cursor.seen.at(-1)?.timeMs ?? null
  return now !== null && before !== null && now <= before
}

/** Matches segments by URL; by its path only where paths distinguish the segments of the playlist. */
function matchByName({ segments }: StreamPlaylist, { seen }: PlaylistCursor): CursorMatch {
  const isPathUnique = new Set(segments.map(pathWithRange)).size === segments.length
  const lastSeen = segments.findLastIndex((segment) => {
    const path = isPathUnique ? hashPath(segment) : null
    const name = segment.sequence === null ? hashName(segment) : null
    return seen.some((one) => hasPathOrName(one, path, name) && (timeApartMs(segment, one) ?? 0) <= MAX_CLOCK_DRIFT_MS)
  })
  return { from: lastSeen + 1, skipped: 0, isContinued: false }
}

function hasPathOrName(seen: RememberedSegment, path: string | null, name: string | null): boolean {
  return seen.path === path || (seen.sequence === null && seen.name === name)
}

function toRemembered(segment: StreamSegment): RememberedSegment {
  const { sequence, programDateTimeMs } = segment
  return { sequence, path: hashPath(segment), name: hashName(segment), timeMs: programDateTimeMs }
}

function hashPath(segment: StreamSegment): string {
  return hash(pathWithRange(segment))
}

function hashName(segment: StreamSegment): string {
  if (segment.sequence === null) return hash(withRange(segment.url, segment))
  return hash(pathWithRange(segment).replace(/^.*\//, ''))
}

/** Returns the path and byte range of a segment's URL, without host and query. */
function pathWithRange(segment: StreamSegment): string {
  return withRange(segment.url.replace(/^https?:\/\/[^/?#]*/, '').replace(/[?#].*$/, ''), segment)
}

function withRange(text: string, { byteRange }: StreamSegment): string {
  return byteRange === null ? text : `${text}@${byteRange.offset}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 8)
}
