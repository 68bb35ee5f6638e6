import * as v from 'valibot'

import { MonitorHealth, MonitorStatistics, NO_STATISTICS, UNSEEN_HEALTH } from '../../shared/contract/monitors.ts'
import { Access } from './access.ts'
import { Flow } from './flow.ts'
import { Outage } from './outage.ts'
import { Position } from './position.ts'
import { Runs, type SeenSegment } from './runs.ts'
import type { Resolution, SegmentFindings, Sides } from './snapshot.ts'

/** Where a monitor is in its life: forward only. `monitoring` begins with `stream.started`, which is thus told once. */
const Phase = v.variant('kind', [
  v.object({ kind: v.literal('initializing') }),
  v.object({ kind: v.literal('waiting') }),
  v.object({ kind: v.literal('monitoring'), flow: Flow }),
  v.object({ kind: v.literal('completed') }),
  v.object({ kind: v.literal('error') }),
])

/**
 * All that a monitor knows of its stream. It goes with each report and comes back to the worker that goes on after a
 * crash, so it is plain JSON and grows with nothing but the number of detectors and renditions.
 */
export const MonitorState = v.object({
  version: v.literal(1),
  phase: Phase,
  title: v.nullable(v.string()),
  /** What found the stream; `null` until it was found. */
  by: v.nullable(v.picklist(['direct', 'yt-dlp', 'streamlink'])),
  /** The start that the site announces, in ms since 1970. */
  releaseAtMs: v.nullable(v.number()),
  delay: v.picklist(['untold', 'told']),
  access: Access,
  outages: v.pipe(v.array(Outage), v.readonly()),
  runs: Runs,
  /** How far each rendition has been seen. */
  positions: v.pipe(v.partial(v.object({ both: Position, picture: Position, sound: Position })), v.readonly()),
  health: MonitorHealth,
  statistics: MonitorStatistics,
})
export type MonitorState = Readonly<v.InferOutput<typeof MonitorState>>

/** One thing that the loop saw, and when, in ms since 1970. */
export type Observation = { readonly atMs: number } & (
  | { readonly kind: 'resolved'; readonly resolution: Resolution }
  /** A playlist was fetched; `firstStartMs` is the stream time of its first new segment, `null` if it has none. */
  | {
      readonly kind: 'playlist'
      readonly sides: Sides
      readonly targetDurationSec: number
      readonly firstStartMs: number | null
      /** It has its EXT-X-ENDLIST. */
      readonly isEnded: boolean
    }
  | ({ readonly kind: 'playlist_failed' } & FailedTry)
  | {
      readonly kind: 'segment'
      readonly place: Place
      readonly segment: SeenSegment
      readonly findings: SegmentFindings
    }
  /** A try to fetch a segment failed; another one follows. */
  | ({ readonly kind: 'try_failed' } & FailedTry)
  /** A segment is given up. */
  | ({ readonly kind: 'segment_failed'; readonly place: Place } & Omit<FailedTry, 'sides'>)
  /** Segments that are not looked at: gone before they could be, or passed over. */
  | { readonly kind: 'skipped'; readonly place: Place; readonly count: number }
  /** All that the playlists had before their EXT-X-ENDLIST has been looked at. */
  | { readonly kind: 'stream_over' }
  | { readonly kind: 'tick' }
)

/** What failed for a rendition, from `beganMs` in ms since 1970. */
type FailedTry = { readonly sides: Sides; readonly beganMs: number; readonly error: string }

/** How far a rendition has been seen once this observation counts. */
export type Place = { readonly sides: Sides; readonly position: Position }

/** A monitor before its first look at the stream. */
export const INITIAL_STATE: MonitorState = {
  version: 1,
  phase: { kind: 'initializing' },
  title: null,
  by: null,
  releaseAtMs: null,
  delay: 'untold',
  access: { kind: 'open' },
  outages: [],
  runs: {},
  positions: {},
  health: UNSEEN_HEALTH,
  statistics: NO_STATISTICS,
}

/** Whether a monitor has come to its end: nothing that is observed afterwards changes it. */
export function isFinal(state: MonitorState): boolean {
  return state.phase.kind === 'completed' || state.phase.kind === 'error'
}
