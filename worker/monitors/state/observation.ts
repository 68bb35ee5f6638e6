import type { SegmentFindings } from '../analyze/findings.ts'
import type { StreamResolution, TrackKind, TrackSelection } from '../stream.ts'
import type { AnalyzedSegment } from './detection-runs.ts'
import type { PlaylistCursor } from './segment-identity.ts'

/** One input of the state machine and its time, in ms since 1970. */
export type MonitorObservation = { readonly atMs: number } & (
  | { readonly kind: 'resolved'; readonly resolution: StreamResolution }
  /** A playlist was fetched. */
  | {
      readonly kind: 'playlist'
      readonly tracks: TrackSelection
      readonly targetDurationSec: number
      /** Stream time of its first new segment; `null` if it has none. */
      readonly firstStartMs: number | null
      /** Its first new segment directly follows the last one that was read. */
      readonly isContinuous?: boolean
      /** It has EXT-X-ENDLIST. */
      readonly isEnded: boolean
    }
  | ({ readonly kind: 'playlist_failed' } & FailedAttempt)
  /** A segment was analyzed. */
  | {
      readonly kind: 'segment'
      readonly progress: RenditionProgress
      readonly segment: AnalyzedSegment
      readonly findings: SegmentFindings
      /** Tracks that its rendition is declared to have. */
      readonly declared?: readonly TrackKind[]
    }
  /** An attempt to fetch a segment failed and is retried. */
  | ({ readonly kind: 'attempt_failed' } & FailedAttempt & FailingPart)
  /** A segment was given up. */
  | ({ readonly kind: 'segment_failed'; readonly progress: RenditionProgress } & Omit<FailedAttempt, 'tracks'> &
      FailingPart)
  /** A segment was passed by because only a licensed player can decrypt it. */
  | { readonly kind: 'encrypted'; readonly progress: RenditionProgress; readonly method: string }
  /** A segment was recognized as one that was analyzed under another name. */
  | { readonly kind: 'known'; readonly progress: RenditionProgress }
  /** Other renditions of the stream are monitored from now on. `problem`: why not the best; `null` for the best. */
  | {
      readonly kind: 'renditions'
      readonly tracks: readonly TrackSelection[]
      readonly problem: string | null
    }
  /** Segments were not analyzed: they had left the playlist, or were not selected. `isGap`: announced as missing. */
  | {
      readonly kind: 'skipped'
      readonly progress: RenditionProgress
      readonly count: number
      readonly isGap?: true
    }
  /** Every segment before the EXT-X-ENDLIST of the playlists was handled. */
  | { readonly kind: 'stream_over' }
  /** The playlist of the captions was checked. */
  | { readonly kind: 'captions'; readonly isMissing: boolean }
  /** Time has passed. */
  | { readonly kind: 'tick' }
)

/**
 * A failure of a rendition; the attempt began at `beganMs`, in ms since 1970. `untilMs`: the time before which the server
 * does not want to be called again.
 */
type FailedAttempt = {
  readonly tracks: TrackSelection
  readonly beganMs: number
  readonly untilMs?: number
  readonly error: string
}

/** What of a segment failed: `segment` by default. */
type FailingPart = { readonly failing?: 'segment' | 'key' }

/** Cursor of a rendition after the observation. */
export type RenditionProgress = { readonly tracks: TrackSelection; readonly cursor: PlaylistCursor }
