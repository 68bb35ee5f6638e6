import * as v from 'valibot'

import {
  INITIAL_STATISTICS,
  type MonitorEvent,
  MonitorHealth,
  MonitorStatistics,
  UNKNOWN_HEALTH,
} from '../../../shared/contract/monitors.ts'
import { SiteAccess } from './access.ts'
import { Degradation } from './degradation.ts'
import { DetectionRuns } from './detection-runs.ts'
import { MediaTimeline } from './media-timeline.ts'
import { MissingCaptions } from './missing-captions.ts'
import { Outage } from './outage.ts'
import { PlaylistCursor } from './segment-identity.ts'
import { StallState } from './stall.ts'
import { UnreadStream } from './unread-stream.ts'

/** Phase of a monitor; moves forward only. `stream.started` marks the entry to `monitoring`, so it is sent once. */
const Phase = v.variant('kind', [
  v.object({ kind: v.literal('initializing') }),
  v.object({ kind: v.literal('waiting') }),
  v.object({ kind: v.literal('monitoring'), flow: StallState }),
  v.object({ kind: v.literal('completed') }),
  v.object({ kind: v.literal('error') }),
])

/**
 * Everything a monitor knows about its stream. Each report carries it, and the next worker resumes from it after a
 * crash. It is plain JSON, its field names are stored, and its size depends on the detectors and renditions only.
 */
export const MonitorState = v.object({
  version: v.literal(1),
  phase: Phase,
  title: v.nullable(v.string()),
  /** The resolver that found the stream; `null` until then. */
  by: v.nullable(v.picklist(['direct', 'yt-dlp', 'streamlink'])),
  /** Start time that the site announces, in ms since 1970. */
  releaseAtMs: v.nullable(v.number()),
  /** `told`: `stream.delayed` has been sent. */
  delay: v.picklist(['untold', 'told']),
  access: SiteAccess,
  outages: v.pipe(v.array(Outage), v.readonly()),
  degradations: v.optional(v.pipe(v.array(Degradation), v.readonly()), []),
  /** What was wrong with the stream's URL so far; `null` once a segment was seen. */
  unread: v.optional(v.nullable(UnreadStream), null),
  runs: DetectionRuns,
  /** Captions that are missing; `null` while they are there. */
  captions: v.optional(v.nullable(MissingCaptions), null),
  /** Tracks that a segment had. */
  seenTracks: v.optional(v.pipe(v.array(v.picklist(['picture', 'sound'])), v.readonly()), []),
  /** Cursor of each rendition. */
  positions: v.pipe(
    v.partial(v.object({ both: PlaylistCursor, picture: PlaylistCursor, sound: PlaylistCursor })),
    v.readonly(),
  ),
  /** Where the analyzed media of each rendition lies in stream time. */
  timelines: v.optional(
    v.pipe(v.partial(v.object({ both: MediaTimeline, picture: MediaTimeline, sound: MediaTimeline })), v.readonly()),
    {},
  ),
  health: MonitorHealth,
  statistics: MonitorStatistics,
})
export type MonitorState = Readonly<v.InferOutput<typeof MonitorState>>

/** A state and the events that led to it, in order. */
export type MonitorTransition = { readonly state: MonitorState; readonly events: readonly MonitorEvent[] }

/** State of a new monitor. */
export const INITIAL_STATE: MonitorState = {
  version: 1,
  phase: { kind: 'initializing' },
  title: null,
  by: null,
  releaseAtMs: null,
  delay: 'untold',
  access: { kind: 'open' },
  outages: [],
  degradations: [],
  unread: null,
  runs: {},
  captions: null,
  seenTracks: [],
  positions: {},
  timelines: {},
  health: UNKNOWN_HEALTH,
  statistics: INITIAL_STATISTICS,
}

/** Reports whether a monitor has reached its end, after which no observation changes it. */
export function isFinal(state: MonitorState): boolean {
  return state.phase.kind === 'completed' || state.phase.kind === 'error'
}
