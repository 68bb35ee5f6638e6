import type { MonitorConfig, MonitorEvent } from '../../shared/contract/monitors.ts'
import type { DetectionSpan, SegmentFindings, TrackFindings } from '../monitors/analyze/findings.ts'
import { afterObservation } from '../monitors/state/after-observation.ts'
import { INITIAL_STATE, type MonitorState } from '../monitors/state/monitor-state.ts'
import type { MonitorObservation, RenditionProgress } from '../monitors/state/observation.ts'
import type { PlaylistCursor } from '../monitors/state/segment-identity.ts'
import type { StreamSource, TrackSelection } from '../monitors/stream.ts'

/** The configuration of the monitors in these tests. */
export const CONFIG: MonitorConfig = {
  check_interval_sec: 10,
  blackout_threshold_sec: 5,
  silence_threshold_sec: 4,
  silence_db_threshold: -50,
  scheduled_start_time: null,
  scheduled_end_time: null,
  start_delay_tolerance_sec: 300,
  freeze_threshold_sec: 0,
  track_threshold_sec: 0,
  coverage: 'every',
  webhook_policy: 'strict',
}

/** Start of the scenario's first segment, in ms since 1970. */
export const START_MS = Date.parse('2026-03-01T12:00:00.000Z')

export type ReplayResult = { readonly state: MonitorState; readonly events: readonly MonitorEvent[] }
export type ReplayOptions = { readonly from?: MonitorState; readonly config?: Partial<MonitorConfig> }

/** Applies observations in order. Returns the final state and the events of all of them. */
export function replay(observations: readonly MonitorObservation[], options: ReplayOptions = {}): ReplayResult {
  const config = { ...CONFIG, ...options.config }
  let state = options.from ?? INITIAL_STATE
  const events: MonitorEvent[] = []
  for (const observation of observations) {
    const after = afterObservation(state, observation, config)
    state = after.state
    events.push(...after.events)
  }
  return { state, events }
}

/** Returns the types of events, in order. */
export function eventTypes(result: { readonly events: readonly MonitorEvent[] }): readonly string[] {
  return result.events.map((event) => event.event_type)
}

/** Converts a time in seconds after the scenario's start to ms since 1970. */
export function at(sec: number): number {
  return START_MS + sec * 1000
}

/** Converts a time in seconds after the scenario's start to the format of events. */
export function isoAt(sec: number): string {
  return new Date(Math.round(at(sec))).toISOString()
}

/** Returns the observation that the stream is live. */
export function live(atMs: number, source: Partial<StreamSource> = {}): MonitorObservation {
  const liveSource: StreamSource = { renditions: [], title: 'A stream', by: 'direct', expiresAtMs: null, ...source }
  return { kind: 'resolved', atMs, resolution: { kind: 'live', source: liveSource } }
}

type PlaylistOptions = { readonly tracks?: TrackSelection; readonly isEnded?: boolean }

/** Returns the observation of a fetched playlist; it has new segments where `firstStartMs` is a time. */
export function playlist(
  atMs: number,
  firstStartMs: number | null,
  targetDurationSec = 2,
  { tracks = 'both', isEnded = false }: PlaylistOptions = {},
): MonitorObservation {
  return { kind: 'playlist', atMs, tracks, targetDurationSec, firstStartMs, isEnded }
}

const CURSOR: PlaylistCursor = { seen: [{ sequence: 0, path: '/0.ts', name: '0.ts', timeMs: null }], first: 0 }
export const PROGRESS: RenditionProgress = { tracks: 'both', cursor: CURSOR }

/** State of a monitor whose stream is live and has started. */
export const STARTED: MonitorState = replay([live(START_MS), playlist(START_MS, START_MS)]).state

/** What the detectors find in a segment: none by default; `absent`: the segment lacks the track. */
export type SegmentDetections = {
  readonly black?: readonly DetectionSpan[] | 'absent'
  readonly silent?: readonly DetectionSpan[] | 'absent'
}

/** Returns the observation of a segment that is analyzed when it ends; its start is in seconds after the scenario's start. */
export function segment(startSec: number, durationSec: number, detections: SegmentDetections = {}): MonitorObservation {
  const findings: SegmentFindings = {
    picture: toTrackFindings('blackout', detections.black ?? []),
    sound: toTrackFindings('silence', detections.silent ?? []),
  }
  const observed = { sequence: Math.round(startSec / durationSec), startMs: at(startSec), isDated: true, durationSec }
  return {
    kind: 'segment',
    atMs: Math.round(at(startSec + durationSec)),
    progress: PROGRESS,
    segment: observed,
    findings,
  }
}

function toTrackFindings(detector: string, spans: readonly DetectionSpan[] | 'absent'): TrackFindings {
  return spans === 'absent' ? { kind: 'absent', isDeclared: false } : { kind: 'present', spans: { [detector]: spans } }
}

/** Returns a span within a segment. */
export function span(fromSec: number, toSec: number): DetectionSpan {
  return { fromSec, toSec }
}
