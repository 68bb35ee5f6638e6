import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { continueAfter, matchPlaylist, type PlaylistMatch } from './match-playlist.ts'
import {
  hashNumbering,
  hashPath,
  type PlaylistCursor,
  REMEMBERED,
  type RememberedSegment,
  toRemembered,
} from './segment-identity.ts'

export type NewSegments = {
  readonly fresh: readonly StreamSegment[]
  /** Number of segments that left the playlist unread. */
  readonly skipped: number
  /** The first of `fresh` directly follows the last segment that was read. */
  readonly isContinuous: boolean
  /** `fresh` may be known segments under other names: only their content can show it. */
  readonly isUnsure: boolean
  /** `fresh` may be known segments of another origin, which `continueAfterKnown` leaves out once their media show it. */
  readonly isDoubtful: boolean
  /** The cursor before `fresh`, past those that were missed; `null` where no segment was read. */
  readonly before: PlaylistCursor | null
  /** The cursor after `fresh`; `null` until a playlist holds a segment. */
  readonly cursor: PlaylistCursor | null
}

/**
 * Returns the segments of a playlist that are new since `cursor`. Without a cursor these are the last 30 s of media, at
 * least three segments. A stale playlist has none; one whose numbering restarted has all of its segments.
 */
export function findNewSegments(playlist: StreamPlaylist, cursor: PlaylistCursor | null): NewSegments {
  const { segments } = playlist
  if (segments.length === 0) return nothingNew(cursor)
  if (cursor !== null) return applyMatch(playlist, cursor, matchPlaylist(playlist, cursor))
  const from = findJoinIndex(segments)
  const before = rememberRead(segments, from)
  const fresh = segments.slice(from)
  return { ...NOTHING, fresh, before, cursor: advanceOver(before, fresh, segments[0]?.sequence ?? null) }
}

const NOTHING = { fresh: [], skipped: 0, isContinuous: false, isUnsure: false, isDoubtful: false }

/** Returns what a playlist has that has nothing new. */
export function nothingNew(cursor: PlaylistCursor | null): NewSegments {
  return { ...NOTHING, before: cursor, cursor }
}

/** Returns the new segments of a playlist of which one, at `index`, is the remembered `seen` under another name. */
export function continueAfterKnown(
  playlist: StreamPlaylist,
  cursor: PlaylistCursor,
  { index, seen }: { readonly index: number; readonly seen: RememberedSegment },
): NewSegments {
  const match = continueAfter(playlist.segments, index, seen, cursor)
  return applyMatch(playlist, cursor, { ...match, isDoubtful: false })
}

function applyMatch({ segments }: StreamPlaylist, cursor: PlaylistCursor, match: PlaylistMatch): NewSegments {
  const { from, skipped, isContinuous, isUnsure, isDoubtful } = match
  if (from >= segments.length) return nothingNew(cursor)
  const moved = match.isContinued ? moveCursor(cursor, match, segments) : rememberRead(segments, from)
  // The content of what was read decides on segments that are known under other names.
  const before = isUnsure ? cursor : moved
  const fresh = segments.slice(from)
  const after = advanceOver(before, fresh, segments[0]?.sequence ?? null)
  return { fresh, skipped, isContinuous, isUnsure, isDoubtful, before, cursor: after }
}

/**
 * Returns the segments of a playlist whose numbers and times are not to be believed: those after the newest segment that was
 * read, by its path, or else as without a cursor, where the content shows which of them are known.
 */
export function findSegmentsByPath(playlist: StreamPlaylist, cursor: PlaylistCursor | null): NewSegments {
  const { segments } = playlist
  const path = cursor?.seen.at(-1)?.path
  const read = segments.findLastIndex((segment) => hashPath(segment) === path)
  const from = read < 0 ? findJoinIndex(segments) : read + 1
  const [before, fresh] = [read < 0 ? cursor : rememberRead(segments, from), segments.slice(from)]
  const after = advanceOver(before, fresh, segments[0]?.sequence ?? null)
  return { ...NOTHING, fresh, isContinuous: read >= 0, isUnsure: read < 0, before, cursor: after }
}

/** Returns the cursor after one more segment; `content` is the hash of its media, `first` the playlist's first number. */
export function advanceCursor(
  cursor: PlaylistCursor | null,
  segment: StreamSegment,
  { first, content = null }: { readonly first: number | null; readonly content?: string | null },
): PlaylistCursor {
  const seen = [...(cursor?.seen ?? []), toRemembered(segment, content)].slice(-REMEMBERED)
  return { ...cursor, seen, first, ...numberingOf(segment) }
}

/** Returns how a segment's name follows from its number; `undefined` where that is not known. */
function numberingOf(segment: StreamSegment | undefined): Pick<PlaylistCursor, 'numbering'> {
  const hashes = segment === undefined ? [] : hashNumbering(segment)
  return { numbering: hashes.length > 0 ? hashes : undefined }
}

/** Returns a cursor whose newest segment is one that was read before under another name: only the new name is kept. */
export function forgetOldName(cursor: PlaylistCursor): PlaylistCursor {
  const content = cursor.seen.at(-1)?.content
  return {
    ...cursor,
    seen: cursor.seen.filter((each, index, all) => each.content !== content || index === all.length - 1),
  }
}

/** Returns the cursor after several more segments; `first` is the playlist's first number. */
export function advanceOver(
  before: PlaylistCursor | null,
  segments: readonly StreamSegment[],
  first: number | null,
): PlaylistCursor | null {
  const newest = segments.slice(-REMEMBERED)
  return newest.reduce<PlaylistCursor | null>((cursor, segment) => advanceCursor(cursor, segment, { first }), before)
}

/** Returns a cursor that has read a playlist up to an index; `null` for none of its segments. */
function rememberRead(segments: readonly StreamSegment[], end: number): PlaylistCursor | null {
  const read = segments.slice(Math.max(0, end - REMEMBERED), end)
  if (read.length === 0) return null
  const seen = read.map((segment) => toRemembered(segment))
  return { seen, first: segments[0]?.sequence ?? null, ...numberingOf(read.at(-1)) }
}

/**
 * Moves a cursor to the playlist's numbers, and past the segments that were missed: a placeholder with the number of the
 * last of them keeps another process from counting them again.
 */
function moveCursor(
  cursor: PlaylistCursor,
  { shift, skipped }: PlaylistMatch,
  segments: readonly StreamSegment[],
): PlaylistCursor {
  const first = segments[0]?.sequence ?? null
  const renumbered = cursor.seen.map((seen) =>
    seen.sequence === null || shift === 0 ? seen : { ...seen, sequence: seen.sequence + shift },
  )
  const missed = skipped > 0 && first !== null ? [{ sequence: first - 1, path: '', name: '', timeMs: null }] : []
  const seen = [...renumbered, ...missed].slice(-REMEMBERED)
  const isUncounted = shift !== 0 && first === cursor.first
  return { ...cursor, seen, first, ...(isUncounted ? { isUncounted } : {}) }
}

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
