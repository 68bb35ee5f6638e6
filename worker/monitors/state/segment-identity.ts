import { createHash } from 'node:crypto'

import * as v from 'valibot'

import type { StreamSegment } from '../stream.ts'

/** A segment that was read. Path and name are hashes, so that no URL with its keys is stored. */
export const RememberedSegment = v.object({
  sequence: v.nullable(v.number()),
  /** Path and byte range of its URL; hosts and queries change between two answers. */
  path: v.string(),
  /** Last part of the path; without a sequence, the whole URL. */
  name: v.string(),
  /** Last part of the path of one without a sequence: a path may have a token that changes at each fetch. */
  file: v.optional(v.string()),
  /** Program date-time in ms since 1970. */
  timeMs: v.nullable(v.number()),
  /** Hash of its media, where it was fetched. */
  content: v.optional(v.string()),
})
export type RememberedSegment = v.InferOutput<typeof RememberedSegment>

/** Number of remembered segments: enough to recognize a stale playlist, and less than 2 kB as JSON. */
export const REMEMBERED = 20

/** How far a media playlist was read. Small and plain JSON, so that another process can continue from it. */
export const PlaylistCursor = v.object({
  /** The newest segments that were read, in the playlist's order. */
  seen: v.pipe(v.array(RememberedSegment), v.minLength(1), v.maxLength(REMEMBERED)),
  /** Sequence of the playlist's first segment when it last had something new. */
  first: v.nullable(v.number()),
  /** How the names of its segments follow from their numbers (`hashNumbering`); left out where they do not. */
  numbering: v.optional(v.pipe(v.array(v.string()), v.readonly())),
  /** The playlist moved while its numbers, or its names where it has none, did not. */
  isUncounted: v.optional(v.boolean()),
})
export type PlaylistCursor = v.InferOutput<typeof PlaylistCursor>

/** Program times within this, and within half a segment, are equal: a page that is resolved again has other URLs. */
const JITTER_MS = 1500

/** Largest difference between two servers' program times of one segment. Beyond it, it is another segment. */
export const MAX_CLOCK_DRIFT_MS = 10_000

/** Returns what is remembered of a segment; `content` is the hash of its media, if it was fetched. */
export function toRemembered(segment: StreamSegment, content: string | null = null): RememberedSegment {
  const { sequence, programDateTimeMs } = segment
  const file = sequence === null ? { file: hashFile(segment) } : {}
  const known = { sequence, path: hashPath(segment), name: hashName(segment), ...file, timeMs: programDateTimeMs }
  return content === null ? known : { ...known, content }
}

/** Bytes at each end of a segment that its content's hash covers, beside its length. */
const HASHED_BYTES = 64 * 1024

/** Returns a hash of a segment's media: its length and both its ends, which hold its timestamps. */
export function hashContent(bytes: Uint8Array): string {
  const ends = [bytes.subarray(0, HASHED_BYTES), bytes.subarray(-HASHED_BYTES)]
  const hashed = createHash('sha256').update(String(bytes.length))
  for (const end of ends) hashed.update(end)
  return hashed.digest('base64url').slice(0, 8)
}

/**
 * Returns the remembered segment of this content under another name or number; `undefined` where there is none, or several:
 * silence and slates repeat. An encoder that begins again from the same source has the same numbers and names too.
 */
export function findOtherName(
  segment: StreamSegment,
  content: string,
  { seen }: PlaylistCursor,
): RememberedSegment | undefined {
  const [known, ...others] = seen.filter((each) => each.content === content)
  const isSameName = known?.path === hashPath(segment) && known.sequence === segment.sequence
  return others.length > 0 || isSameName ? undefined : known
}

/** Reports whether a segment of this content was read under the same number and path. */
export function isReadAgain(segment: StreamSegment, content: string, { seen }: PlaylistCursor): boolean {
  const path = hashPath(segment)
  return seen.some((each) => each.content === content && each.path === path && each.sequence === segment.sequence)
}

/** Returns by how much the program time of a segment is later than that of a remembered one, in ms; `null` without times. */
export function signedApartMs(segment: StreamSegment, seen: RememberedSegment): number | null {
  if (segment.programDateTimeMs === null || seen.timeMs === null) return null
  return segment.programDateTimeMs - seen.timeMs
}

/** Returns how far apart the program times of a segment and a remembered one are, in ms; `null` where one has none. */
export function timeApartMs(segment: StreamSegment, seen: RememberedSegment): number | null {
  const apartMs = signedApartMs(segment, seen)
  return apartMs === null ? null : Math.abs(apartMs)
}

/** Reports whether a segment has the program time of a remembered one. */
export function isSameTime(segment: StreamSegment, seen: RememberedSegment): boolean {
  return (timeApartMs(segment, seen) ?? Infinity) <= Math.min(JITTER_MS, segment.durationSec * 500)
}

/** Returns a hash of a segment's path and byte range. */
export function hashPath(segment: StreamSegment): string {
  return hash(pathWithRange(segment))
}

/** Returns a hash of the last part of a segment's path; of its whole URL where it has no number. */
export function hashName(segment: StreamSegment): string {
  if (segment.sequence === null) return hash(withRange(segment.url, segment))
  return hashFile(segment)
}

/** Returns a hash of the last part of a segment's path. */
export function hashFile(segment: StreamSegment): string {
  return hash(pathWithRange(segment).replace(/^.*\//, ''))
}

/** Numbers of a name that are compared, and their most digits. */
const NAME_NUMBERS = 3
const NAME_DIGITS = 15

/**
 * Returns hashes of a segment's file name, in each of which one of its last numbers stands as its distance from the segment's
 * own: segments of one numbering share one of them. None where the segment or its name has no number.
 */
export function hashNumbering(segment: StreamSegment): readonly string[] {
  const { sequence } = segment
  if (sequence === null) return []
  const name = pathWithRange(segment)
    .replace(/^.*\//, '')
    .replace(/\.\w+$/, '')
  const numbers = [...name.matchAll(/\d+/g)].filter(([digits]) => digits.length <= NAME_DIGITS).slice(-NAME_NUMBERS)
  return numbers.map(({ 0: digits, index }) => {
    return hash(`${name.slice(0, index)}#${Number(digits) - sequence}#${name.slice(index + digits.length)}`)
  })
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
