import type { TrackKind } from '../stream.ts'

/**
 * A stretch of one segment, in seconds of media from the segment's start. `fromSec` is negative where the stretch
 * begins in the previous segment, which was first analyzed by its keyframes only and is now decoded in full.
 */
export type DetectionSpan = { readonly fromSec: number; readonly toSec: number }

/** Findings in one track of a segment: the spans of each detector, by its name. `absent`: there is no such track. */
export type TrackFindings =
  | { readonly kind: 'absent' }
  | { readonly kind: 'present'; readonly spans: Readonly<Record<string, readonly DetectionSpan[]>> }

/** Findings in a segment; `null` for a track that the rendition is not monitored for. */
export type SegmentFindings = Readonly<Record<TrackKind, TrackFindings | null>>
