import type { StreamPlaylist, StreamSegment } from '../stream.ts'

/** Returns the stream time of a segment's start: its program date-time, or else by its distance from the live edge. */
export function streamTimeMs(segment: StreamSegment, playlist: StreamPlaylist, fetchedAtMs: number): number {
  if (segment.programDateTimeMs !== null) return segment.programDateTimeMs
  const toEdge = playlist.segments.slice(playlist.segments.indexOf(segment))
  return fetchedAtMs - toEdge.reduce((sum, { durationSec }) => sum + durationSec * 1000, 0)
}

/** Reports whether a segment directly follows another of its playlist, by their numbers and without a gap of the media. */
export function follows(segment: StreamSegment, before: StreamSegment): boolean {
  if (mayFollowGap(segment) || before.isGap === true) return false
  return segment.sequence === null || before.sequence === null || segment.sequence === before.sequence + 1
}

/** Returns whether media may be missing before a segment: after a discontinuity its date-time decides, where it has one. */
export function mayFollowGap({ discontinuity, programDateTimeMs }: StreamSegment): boolean {
  return discontinuity && programDateTimeMs !== null
}
