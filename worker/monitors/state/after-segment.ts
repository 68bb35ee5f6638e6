import type { MonitorConfig, MonitorEvent, MonitorHealth } from '../../../shared/contract/monitors.ts'
import { DETECTORS } from '../analyze/detectors/list.ts'
import type { SegmentFindings, TrackFindings } from '../analyze/findings.ts'
import { degrade, restoreTracks } from './degradation.ts'
import { changeRuns, type DetectionRuns, extendRun, runBeforeSegment, suspendRun } from './detection-runs.ts'
import type { TrackKind, TrackSelection } from '../stream.ts'
import { extendTimeline, type MediaTimeline } from './media-timeline.ts'
import { formatTime } from './monitor-event.ts'
import type { MonitorState, MonitorTransition } from './monitor-state.ts'
import type { MonitorObservation, RenditionProgress } from './observation.ts'
import { type Outage, outagesAfterFailure, outagesAfterRecovery, type StreamFailure } from './outage.ts'
import { targetDurationMs } from './stall.ts'
import { unreadAfterFetch } from './unread-stream.ts'

type ObservationOf<Kind extends MonitorObservation['kind']> = Extract<MonitorObservation, { readonly kind: Kind }>

/** Returns the monitor after an analyzed segment: each detector's run, the health and the rendition's cursor. */
export function afterSegment(
  state: MonitorState,
  observation: ObservationOf<'segment'>,
  config: MonitorConfig,
): MonitorTransition {
  const { atMs, progress } = observation
  const { tracks, cursor } = progress
  const before = timelineBefore(state, observation)
  const segment = { ...observation.segment, before }
  const runs: Record<string, DetectionRuns[string]> = { ...state.runs }
  const statistics = { ...state.statistics, total_segments_analyzed: state.statistics.total_segments_analyzed + 1 }
  const events: MonitorEvent[] = []
  const gapMs = state.phase.kind === 'monitoring' ? targetDurationMs(state.phase.flow, tracks) : 0
  const { findings, seenTracks } = compareTracks(state.seenTracks, observation)
  for (const detector of DETECTORS) {
    const track = findings[detector.track]
    if (track === null || config[detector.threshold] === 0) continue
    const run = runBeforeSegment(runs[detector.name] ?? null, segment, gapMs)
    const after = extendRun(run, track, segment, { detector, config, atMs })
    delete runs[detector.name]
    if (after.run !== null) runs[detector.name] = after.run
    statistics[detector.counter] += after.alerts
    events.push(...after.events)
  }
  const outages = outagesWithoutSegments(state.outages, tracks)
  const health = healthAfterSegment(state.health, findings, runs, atMs)
  const positions = { ...state.positions, [tracks]: cursor }
  const timelines = { ...state.timelines, [tracks]: segment.isDated ? extendTimeline(before, segment) : [] }
  const restored = restoreTracks(state.degradations, tracks, atMs)
  const { degradations } = restored
  return {
    state: { ...state, runs, seenTracks, statistics, outages, degradations, health, positions, timelines },
    events: [...restored.events, ...events],
  }
}

/** Returns the media that a segment directly follows, as far as its date-times show where it lies. */
function timelineBefore(
  { timelines }: MonitorState,
  { segment, progress: { tracks } }: ObservationOf<'segment'>,
): MediaTimeline {
  return segment.isDated && segment.isContinuous === true ? (timelines[tracks] ?? []) : []
}

type SeenTracks = MonitorState['seenTracks']

/** Returns the findings, in which an absent track is declared if it was seen before, and the tracks seen by now. */
function compareTracks(
  before: SeenTracks,
  { findings, declared = [] }: Pick<ObservationOf<'segment'>, 'findings' | 'declared'>,
): { readonly findings: SegmentFindings; readonly seenTracks: SeenTracks } {
  const { picture, sound } = findings
  const declare = (kind: TrackKind, found: TrackFindings | null): TrackFindings | null =>
    found?.kind === 'absent' && [...before, ...declared].includes(kind) ? { ...found, isDeclared: true } : found
  const isNew = (kind: TrackKind) =>
    !before.includes(kind) && findings[kind] !== null && findings[kind].kind !== 'absent'
  const fresh = TRACKS.filter(isNew)
  return {
    findings: { picture: declare('picture', picture), sound: declare('sound', sound) },
    seenTracks: fresh.length === 0 ? before : [...before, ...fresh],
  }
}

const TRACKS: readonly TrackKind[] = ['picture', 'sound']

/** Returns the outages without those of a rendition's segments and their keys. */
export function outagesWithoutSegments(outages: MonitorState['outages'], tracks: TrackSelection): readonly Outage[] {
  const withKeys = outagesAfterRecovery(outages, { failing: 'segment', tracks })
  return outagesAfterRecovery(withKeys, { failing: 'key', tracks })
}

/** Returns the monitor after a segment that only a licensed player can decrypt: passed by, which is no failure. */
export function afterEncryptedSegment(
  state: MonitorState,
  { progress, method, atMs }: ObservationOf<'encrypted'>,
): MonitorTransition {
  const { tracks } = progress
  const message = `the segments are encrypted (${method}): only the playlist is checked`
  const { degradations, events } = degrade(state.degradations, { cause: 'encrypted', message, tracks }, atMs)
  const { statistics, health } = state
  const passed: MonitorState = {
    ...afterUnseenSegments(state, progress, 'failed'),
    degradations,
    outages: outagesWithoutSegments(state.outages, tracks),
    statistics: { ...statistics, segments_skipped: statistics.segments_skipped + 1 },
    health: {
      video: tracks === 'sound' ? health.video : 'encrypted',
      audio: tracks === 'picture' ? health.audio : 'encrypted',
      last_check_at: formatTime(atMs),
    },
  }
  return { state: passed, events }
}

/** Returns the monitor after a segment that it knows under another name: only the cursor moves. */
export function afterKnownSegment(state: MonitorState, { progress }: ObservationOf<'known'>): MonitorTransition {
  const { tracks, cursor } = progress
  return { state: { ...state, positions: { ...state.positions, [tracks]: cursor } }, events: [] }
}

function healthAfterSegment(
  before: MonitorHealth,
  { picture, sound }: SegmentFindings,
  runs: DetectionRuns,
  atMs: number,
): MonitorHealth {
  const video = picture === null ? before.video : trackHealth(picture, PICTURE_DETECTORS, runs)
  const audio = sound === null ? before.audio : trackHealth(sound, SOUND_DETECTORS, runs)
  return { video, audio, last_check_at: formatTime(atMs) }
}

const PICTURE_DETECTORS = DETECTORS.filter((detector) => detector.track === 'picture')
const SOUND_DETECTORS = DETECTORS.filter((detector) => detector.track === 'sound')
type HealthDetector<Health> = { readonly name: string; readonly health: Health | null }

/** Returns a track's health at the end of a segment: that of the first listed detector with a run. */
function trackHealth<Health>(
  findings: TrackFindings,
  detectors: readonly HealthDetector<Health>[],
  runs: DetectionRuns,
): Health | 'absent' | 'undecodable' | 'ok' {
  if (findings.kind !== 'present') return findings.kind
  return detectors.find(({ name, health }) => health !== null && runs[name] !== undefined)?.health ?? 'ok'
}

/** Returns the monitor after a segment that was given up: counted, passed and part of an outage. */
export function afterFailedSegment(
  state: MonitorState,
  observation: ObservationOf<'segment_failed'>,
  config: MonitorConfig,
): MonitorTransition {
  const { progress } = observation
  const { statistics } = state
  const passed = {
    ...afterUnseenSegments(state, progress, 'failed'),
    statistics: { ...statistics, segments_failed: statistics.segments_failed + 1 },
  }
  return afterFailedAttempt(
    passed,
    { ...observation, failing: observation.failing ?? 'segment', tracks: progress.tracks },
    config,
  )
}

/** The error of segments that are announced as missing. One is no failure; nothing else for a minute is an outage. */
const GAP_ERROR = 'the playlist announces its segments as missing (EXT-X-GAP)'

/** Returns the monitor after segments that were skipped. */
export function afterSkippedSegments(
  state: MonitorState,
  { progress, count, isGap, atMs }: ObservationOf<'skipped'>,
  config: MonitorConfig,
): MonitorTransition {
  const { statistics } = state
  const skipped = { ...statistics, segments_skipped: statistics.segments_skipped + count }
  const passed = { ...afterUnseenSegments(state, progress, 'skipped'), statistics: skipped }
  if (isGap === undefined) return { state: passed, events: [] }
  const gap = { failing: 'segment', tracks: progress.tracks, beganMs: atMs, atMs, error: GAP_ERROR } as const
  return afterFailedAttempt(passed, gap, config)
}

/** Returns the monitor with a cursor moved past segments that were not analyzed. The rendition's runs are suspended. */
function afterUnseenSegments(
  state: MonitorState,
  { tracks, cursor }: RenditionProgress,
  cause: 'failed' | 'skipped',
): MonitorState {
  const runs = changeRuns(state.runs, tracks, (run) => suspendRun(run, cause))
  const timelines = { ...state.timelines, [tracks]: [] }
  return { ...state, runs, positions: { ...state.positions, [tracks]: cursor }, timelines }
}

/** Returns the monitor after a failed attempt. Before the stream has started it only shows what is wrong. */
export function afterFailedAttempt(
  state: MonitorState,
  failure: StreamFailure,
  config: MonitorConfig,
): MonitorTransition {
  if (state.phase.kind !== 'monitoring') {
    return { state: { ...state, unread: unreadAfterFetch(state.unread, failure) }, events: [] }
  }
  const cycleMs = config.coverage === 'latest' ? config.check_interval_sec * 1000 : 0
  const betweenMs = Math.max(cycleMs, targetDurationMs(state.phase.flow, failure.tracks))
  const { outages, events } = outagesAfterFailure(state.outages, failure, betweenMs)
  return { state: { ...state, outages }, events }
}
