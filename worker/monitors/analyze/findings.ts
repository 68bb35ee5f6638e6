import type { TrackKind } from '../stream.ts'

/**
 * A stretch of one segment, in seconds of media from the segment's start. `fromSec` is negative where the stretch
 * begins in the previous segment, whose end, or whose frames between keyframes, were decoded with this one. Both are
 * negative and equal where a stretch that seemed to reach the end of the previous segment ended before.
 */
export type DetectionSpan = { readonly fromSec: number; readonly toSec: number }

/** Findings in one track of a segment. */
export type TrackFindings =
  /** There is no such track. `isDeclared`: the media says that there should be. */
  | { readonly kind: 'absent'; readonly isDeclared: boolean }
  /** The track is there and cannot be judged. */
  | { readonly kind: 'undecodable'; readonly codec: string; readonly error: string }
  /** The spans of each detector, by its name. */
  | { readonly kind: 'present'; readonly spans: Readonly<Record<string, readonly DetectionSpan[]>> }

/** Findings in a segment; `null` for a track that the rendition is not monitored for. */
export type SegmentFindings = Readonly<Record<TrackKind, TrackFindings | null>>
