import { createHash } from 'node:crypto'

import * as v from 'valibot'

import type { MediaPlaylist, Segment } from './snapshot.ts'

/** So many segments are remembered: enough to know a stale playlist by, and below 2 kB as JSON. */
const REMEMBERED = 20

/** A segment of a playlist that was read; the names are hashes, which keep URLs and their keys out of what is stored. */
const Seen = v.object({
  sequence: v.nullable(v.number()),
  /** Path and byte range of its URL: hosts and queries change between two answers. */
  path: v.string(),
  /** The last part of the path; without a sequence the whole URL. */
  name: v.string(),
  /** Program date-time in ms since 1970. */
  timeMs: v.nullable(v.number()),
})
type Seen = v.InferOutput<typeof Seen>

/** How far a media playlist has been read: small and plain, so that another process can go on from it. */
export const Position = v.object({
  /** The newest segments that were read, in the playlist's order. */
  seen: v.pipe(v.array(Seen), v.minLength(1), v.maxLength(REMEMBERED)),
  /** Sequence of the playlist's first segment when something new was last found in it. */
  first: v.nullable(v.number()),
})
export type Position = v.InferOutput<typeof Position>

export type Progress = {
  readonly fresh: readonly Segment[]
  /** Segments that left the playlist before they were seen. */
  readonly skipped: number
  /** `null` until a playlist held a segment. */
  readonly position: Position | null
}

/**
 * Which segments of a playlist are new since `position`; with `null`, at the first look, the last 30 s of media but at
 * least three segments. Segments are told apart by media sequence and URL together. A playlist that is older than what
 * was seen gives nothing; one whose numbering began anew gives all that it holds.
 */
export function newSegments(playlist: MediaPlaylist, position: Position | null): Progress {
  const { segments } = playlist
  if (segments.length === 0) return { fresh: [], skipped: 0, position }
  const cut = position === null ? { from: joinIndex(segments), skipped: 0, goesOn: false } : findCut(playlist, position)
  const fresh = segments.slice(cut.from)
  if (fresh.length === 0) return { fresh, skipped: 0, position }
  const seen = cut.goesOn
    ? [...(position?.seen ?? []), ...fresh.slice(-REMEMBERED).map(toSeen)]
    : segments.slice(-REMEMBERED).map(toSeen)
  return {
    fresh,
    skipped: cut.skipped,
    position: { seen: seen.slice(-REMEMBERED), first: segments[0]?.sequence ?? null },
  }
}

/** Index of the first new segment, how many were missed before it, and whether what was seen before still counts. */
type Cut = { readonly from: number; readonly skipped: number; readonly goesOn: boolean }

const JOIN_MS = 30_000
const JOIN_SEGMENTS = 3

function joinIndex(segments: readonly Segment[]): number {
  let totalMs = 0
  const before = segments.findLastIndex((segment, index) => {
    totalMs += segment.durationSec * 1000
    return Math.round(totalMs) > JOIN_MS && segments.length - index > JOIN_SEGMENTS
  })
  return before + 1
}

function findCut(playlist: MediaPlaylist, position: Position): Cut {
  const numbers = readNumbers(playlist.segments, position)
  return numbers === null ? cutByName(playlist, position) : cutByNumber(playlist, position, numbers)
}

/** What a numbered playlist is judged by: its first and newest sequence, now and when it was last read. */
const Numbers = v.object({ first: v.number(), newest: v.number(), firstBefore: v.number(), newestBefore: v.number() })
type Numbers = v.InferOutput<typeof Numbers>

function readNumbers(segments: readonly Segment[], { seen, first }: Position): Numbers | null {
  const now = { first: segments[0]?.sequence, newest: segments.at(-1)?.sequence }
  const before = { firstBefore: first, newestBefore: seen.at(-1)?.sequence }
  const numbers = v.safeParse(Numbers, { ...now, ...before })
  return numbers.success ? numbers.output : null
}

function cutByNumber(playlist: MediaPlaylist, position: Position, numbers: Numbers): Cut {
  const { segments, targetDurationSec } = playlist
  const known = new Map(position.seen.map((seen) => [seen.sequence, seen]))
  const lastSeen = segments.findLastIndex((segment) => {
    const seen = known.get(segment.sequence)
    return seen !== undefined && isSame(segment, seen, numbers)
  })
  if (lastSeen >= 0) return { from: lastSeen + 1, skipped: 0, goesOn: true }
  const missed = numbers.first - numbers.newestBefore - 1
  // A leap of more than a day is another way of numbering, such as by the clock.
  if (missed >= 0) return { from: 0, skipped: missed * targetDurationSec > DAY_SEC ? 0 : missed, goesOn: true }
  return { from: firstOfUnknown(playlist, position, numbers), skipped: 0, goesOn: false }
}

/** Index of the first new segment of a playlist that does not lie beyond what was read, and holds none of it. */
function firstOfUnknown(playlist: MediaPlaylist, position: Position, numbers: Numbers): number {
  const { segments } = playlist
  if (beganAnew(numbers)) return 0
  const isStanding = numbers.first === numbers.firstBefore
  const named = isStanding ? cutByName(playlist, position).from : 0
  // The window slid and the number did not: a server that does not count.
  if (named > 0) return named
  const upToRead = segments.findLastIndex(({ sequence }) => sequence !== null && sequence <= numbers.newestBefore) + 1
  const apartMs = sinceRead(segments[upToRead - 1], position) ?? (isStanding ? Infinity : 0)
  // Another server's names for the same segments: one that is behind, or that is asked in another's place.
  if (numbers.newest >= numbers.firstBefore && apartMs <= CLOCKS_APART_MS) return upToRead
  return isOlder(segments, position) ? segments.length : 0
}

/** How far a segment's program time is from that of the one read under its number, or else of the newest read. */
function sinceRead(segment: Segment | undefined, { seen }: Position): number | null {
  const read = seen.find(({ sequence }) => sequence === segment?.sequence) ?? seen.at(-1)
  return segment === undefined || read === undefined ? null : timeApart(segment, read)
}

const DAY_SEC = 86_400

/** The program time of one segment may differ so much between two servers; by more, it is another segment. */
const CLOCKS_APART_MS = 10_000
/** Program times this close, and within half a segment, mean the same one: a page resolved anew gives other URLs. */
const JITTER_MS = 1500

/** Whether a segment is the one that was seen under its number. */
function isSame(segment: Segment, seen: Seen, numbers: Numbers): boolean {
  const apartMs = timeApart(segment, seen)
  const isSamePath = seen.path === pathOf(segment)
  const isRestart = beganAnew(numbers)
  if (apartMs !== null)
    return apartMs <= (isSamePath && !isRestart ? CLOCKS_APART_MS : Math.min(JITTER_MS, segment.durationSec * 500))
  if (isRestart) return false
  const goesOn = numbers.first >= numbers.firstBefore && numbers.newest >= numbers.newestBefore
  return isSamePath || (goesOn && seen.name === nameOf(segment))
}

function timeApart(segment: Segment, seen: Seen): number | null {
  if (segment.programDateTimeMs === null || seen.timeMs === null) return null
  return Math.abs(segment.programDateTimeMs - seen.timeMs)
}

/**
 * Back to the start of the numbering, perhaps with the same names: an encoder that began anew. Its playlist lies before
 * the window, or is at most half as long; a stale one, of which the first segment has not left yet, is but a bit shorter.
 */
function beganAnew({ first, newest, firstBefore, newestBefore }: Numbers): boolean {
  if (first > 1) return false
  const isHalf = 2 * (newest - first + 1) <= newestBefore - firstBefore + 1
  return newest < firstBefore || (newest < newestBefore - 1 && isHalf)
}

/** A playlist from further back than is remembered, by its program time. */
function isOlder(segments: readonly Segment[], position: Position): boolean {
  const now = segments.at(-1)?.programDateTimeMs ?? null
  const before = position.seen.at(-1)?.timeMs ?? null
  return now !== null && before !== null && now <= before
}

/** Without numbers the URL decides: by its path, where that alone tells the segments of a playlist apart. */
function cutByName({ segments }: MediaPlaylist, { seen }: Position): Cut {
  const isPathUnique = new Set(segments.map(barePath)).size === segments.length
  const lastSeen = segments.findLastIndex((segment) => {
    const path = isPathUnique ? pathOf(segment) : null
    const name = segment.sequence === null ? nameOf(segment) : null
    return seen.some((one) => isNamed(one, path, name) && (timeApart(segment, one) ?? 0) <= CLOCKS_APART_MS)
  })
  return { from: lastSeen + 1, skipped: 0, goesOn: false }
}

function isNamed(seen: Seen, path: string | null, name: string | null): boolean {
  return seen.path === path || (seen.sequence === null && seen.name === name)
}

function toSeen(segment: Segment): Seen {
  const { sequence, programDateTimeMs } = segment
  return { sequence, path: pathOf(segment), name: nameOf(segment), timeMs: programDateTimeMs }
}

function pathOf(segment: Segment): string {
  return hash(barePath(segment))
}

function nameOf(segment: Segment): string {
  if (segment.sequence === null) return hash(withRange(segment.url, segment))
  return hash(barePath(segment).replace(/^.*\//, ''))
}

/** Path and byte range: without host and query. */
function barePath(segment: Segment): string {
  return withRange(segment.url.replace(/^https?:\/\/[^/?#]*/, '').replace(/[?#].*$/, ''), segment)
}

function withRange(text: string, { byteRange }: Segment): string {
  return byteRange === null ? text : `${text}@${byteRange.offset}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 8)
}
