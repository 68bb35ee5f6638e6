import type { StreamPlaylist, StreamSegment, UnreadLines } from '../stream.ts'
import { type MasterPlaylist, toMasterPlaylist } from './master-playlist.ts'
import { MAX_SEGMENTS, type PlaylistDraft, type PlaylistOrigin, type SegmentDraft } from './playlist-draft.ts'
import { readPlaylist } from './read-playlist.ts'

export type ParsedPlaylist =
  | { readonly kind: 'media'; readonly playlist: StreamPlaylist; readonly unread: UnreadLines }
  | { readonly kind: 'master'; readonly master: MasterPlaylist; readonly unread: UnreadLines }
  /** A delta update whose skipped segments are not in the previous playlist. */
  | { readonly kind: 'incomplete' }
  /** `reason` completes "the answer …", such as "is HTML, not a playlist". */
  | { readonly kind: 'invalid'; readonly reason: string }

/** Size limit of a playlist. Twelve hours of 5 s segments with URLs of 1 kB stay below it. */
export const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024

/** Duration of a segment where neither it nor the playlist declares one, in seconds. */
const DEFAULT_SEGMENT_SEC = 5

/**
 * Parses an HLS playlist (RFC 8216). Lines that cannot be read are skipped and counted. It is invalid only where nothing
 * in it can be used: a playlist without segments is valid, one whose segments have no http(s) URL is not.
 */
export function parsePlaylist(text: string, origin: PlaylistOrigin): ParsedPlaylist {
  const reason = findInvalidReason(text)
  if (reason !== null) return { kind: 'invalid', reason }
  const draft = readPlaylist(text, origin)
  const { unread } = draft
  if (draft.variants.length > 0) return { kind: 'master', master: toMasterPlaylist(draft), unread }
  if (draft.segments.length >= MAX_SEGMENTS) return { kind: 'invalid', reason: `has ${MAX_SEGMENTS} segments or more` }
  if (unread.has('URI') && draft.segments.every(({ isUnusable }) => isUnusable === true)) {
    return { kind: 'invalid', reason: 'has no reference that is an http(s) URL after its tag' }
  }
  if (draft.targetDurationSec === null && draft.segments.length === 0) {
    return { kind: 'invalid', reason: 'is a playlist with neither segments nor variants' }
  }
  const playlist = toMediaPlaylist(draft)
  return playlist === null ? { kind: 'incomplete' } : { kind: 'media', playlist, unread }
}

function findInvalidReason(text: string): string | null {
  const start = text
    .slice(0, 1000)
    .replace(/^\uFEFF/, '')
    .trimStart()
  if (text.length > MAX_PLAYLIST_BYTES) return `is larger than ${MAX_PLAYLIST_BYTES} bytes`
  if (start === '') return 'is empty'
  if (start.startsWith('#EXTM3U')) return null
  if (/<MPD[\s>]/.test(start)) return 'is an MPEG-DASH manifest, not an HLS playlist'
  if (start.startsWith('<')) return 'is HTML or XML, not a playlist'
  if (/^[{[]/.test(start)) return 'is JSON, not a playlist'
  return 'does not begin with #EXTM3U'
}

/** Converts a draft to a playlist; `null` where the segments that it skips are not known. */
function toMediaPlaylist(draft: PlaylistDraft): StreamPlaylist | null {
  const { mediaSequence, skippedSegments, control, isEnded } = draft
  const skipped = findSkipped(draft)
  if (skipped === null) return null
  const usualSec = findUsualSec(draft.segments)
  const targetDurationSec = draft.targetDurationSec ?? Math.ceil(usualSec ?? DEFAULT_SEGMENT_SEC)
  const timed = draft.segments.map((segment) => withDuration(segment, usualSec ?? targetDurationSec))
  const times = computeProgramTimes(timed, endOf(skipped.at(-1)))
  const segments = timed.map((segment, index): StreamSegment => {
    const sequence = mediaSequence === null ? null : mediaSequence + skippedSegments + index
    return { ...segment, sequence, programDateTimeMs: times[index] ?? null }
  })
  const hasControl = control.canBlock || control.skipUntilSec !== null
  return {
    segments: [...skipped, ...segments],
    targetDurationSec,
    isEnded,
    ...(hasControl ? { control } : {}),
  }
}

/** Returns the segments of the previous playlist that a delta update skips; `null` where the last one is not there. */
function findSkipped({ origin, mediaSequence, skippedSegments }: PlaylistDraft): readonly StreamSegment[] | null {
  if (skippedSegments === 0) return []
  const first = mediaSequence ?? 0
  const end = first + skippedSegments
  const known = (origin.previous?.segments ?? []).filter(
    ({ sequence }) => sequence !== null && sequence >= first && sequence < end,
  )
  return known.at(-1)?.sequence === end - 1 ? known : null
}

function endOf(segment: StreamSegment | undefined): number | null {
  if (segment === undefined || segment.programDateTimeMs === null) return null
  return segment.programDateTimeMs + segment.durationSec * 1000
}

/** Returns the median of the segments' durations in seconds, which a few wrong ones do not move; `null` without any. */
export function findUsualSec(segments: readonly { readonly durationSec: number | null }[]): number | null {
  const durations = segments.flatMap(({ durationSec }) => durationSec ?? [])
  return durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)] ?? null
}

type LastingSegment = SegmentDraft & { readonly durationSec: number }

function withDuration(segment: SegmentDraft, otherwiseSec: number): LastingSegment {
  return { ...segment, durationSec: segment.durationSec ?? otherwiseSec }
}

/**
 * Returns the program date-time of each segment's start in ms since 1970: its own, or derived from the nearest one by
 * the durations between, forward and back (RFC 8216 §6.3.3). A discontinuity is not crossed, as clocks may jump there.
 * `startMs`: the end of the segment before the first.
 */
function computeProgramTimes(segments: readonly LastingSegment[], startMs: number | null): readonly (number | null)[] {
  const times: (number | null)[] = []
  let next: number | null = startMs
  for (const segment of segments) {
    const time: number | null = segment.programDateTimeMs ?? (segment.discontinuity ? null : next)
    times.push(time)
    next = moveTime(time, segment, 1)
  }
  let following: number | null = null
  for (const [index, segment] of [...segments.entries()].toReversed()) {
    const time: number | null = times[index] ?? moveTime(following, segment, -1)
    times[index] = time
    following = segment.discontinuity ? null : time
  }
  return times.map((time) => (time === null ? null : Math.round(time)))
}

/** Moves a time by a segment's duration, forward or back. */
function moveTime(timeMs: number | null, { durationSec }: LastingSegment, direction: 1 | -1): number | null {
  return timeMs === null ? null : timeMs + direction * durationSec * 1000
}
