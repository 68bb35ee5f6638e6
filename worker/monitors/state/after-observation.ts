import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { DETECTORS } from '../analyze/detectors/list.ts'
import type { StreamResolution, StreamSource, TrackSelection } from '../stream.ts'
import { accessAfterResolution } from './access.ts'
import { afterFailedAttempt, afterFailedSegment, afterSegment, afterSkippedSegments } from './after-segment.ts'
import { changeRuns, endRun } from './detection-runs.ts'
import { createEvent, formatTime, sanitizeText } from './monitor-event.ts'
import { isFinal, type MonitorState, type MonitorTransition } from './monitor-state.ts'
import type { MonitorObservation } from './observation.ts'
import { outagesAfterRecovery, raiseLastingOutage } from './outage.ts'
import { INITIAL_STALL_STATE, retainRenditions, stallAfterPlaylist } from './stall.ts'
import { createDelayEvent } from './start-delay.ts'

/** Returns the monitor after an observation, and the events that it causes. Pure. A final state stays as it is. */
export function afterObservation(
  state: MonitorState,
  observation: MonitorObservation,
  config: MonitorConfig,
): MonitorTransition {
  if (isFinal(state)) return { state, events: [] }
  switch (observation.kind) {
    case 'resolved':
      return afterResolution(state, observation.resolution, { atMs: observation.atMs, config })
    case 'playlist':
      return afterPlaylist(state, observation)
    case 'playlist_failed':
      return afterFailedAttempt(state, { failing: 'manifest', ...observation }, config)
    case 'attempt_failed':
      return afterFailedAttempt(state, { failing: 'segment', ...observation }, config)
    case 'segment':
      return afterSegment(state, observation, config)
    case 'segment_failed':
      return afterFailedSegment(state, observation, config)
    case 'skipped':
      return afterSkippedSegments(state, observation)
    case 'stream_over':
      return afterEnd(state, 'endlist_detected', { atMs: observation.atMs, config })
    case 'tick':
      return afterTick(state, { atMs: observation.atMs, config })
  }
}

/** Time of the observation, in ms since 1970, and the monitor's config. */
type ObservedAt = { readonly atMs: number; readonly config: MonitorConfig }

function afterResolution(before: MonitorState, resolution: StreamResolution, now: ObservedAt): MonitorTransition {
  const { access, events } = accessAfterResolution(before.access, resolution, now.atMs)
  const after = afterAnswer({ ...before, access }, resolution, now)
  return { state: after.state, events: [...events, ...after.events] }
}

/** Returns the monitor after what an answer says about the stream itself. */
function afterAnswer(state: MonitorState, resolution: StreamResolution, now: ObservedAt): MonitorTransition {
  switch (resolution.kind) {
    case 'live':
      return afterLive(state, resolution.source, now)
    case 'upcoming':
      return afterUpcoming(state, resolution, now)
    case 'ended':
      return isLeftToPlaylist(state, resolution.reason)
        ? { state, events: [] }
        : afterEnd(state, resolution.reason, now)
    case 'gone': {
      const { reason, message } = resolution
      return {
        state: { ...state, phase: { kind: 'error' } },
        events: [createEvent(now.atMs, 'monitor.error', { reason, message })],
      }
    }
    case 'blocked':
    case 'passing':
      return raiseLateStart(state, now)
  }
}

/**
 * Returns the monitor after a live answer. A page's answer starts the stream before any segment arrived: a playlist
 * that then cannot be fetched is an outage. Outages and movements of renditions no longer monitored are dropped.
 */
function afterLive(state: MonitorState, source: StreamSource, { atMs }: ObservedAt): MonitorTransition {
  const tracks = source.renditions.map((rendition) => rendition.tracks)
  const outages = state.outages.filter((outage) => tracks.includes(outage.sides))
  const known = { ...withTitle(state, source.title), by: source.by, outages }
  if (state.phase.kind === 'monitoring') {
    const flow = retainRenditions(state.phase.flow, tracks)
    return { state: { ...known, phase: { kind: 'monitoring', flow } }, events: [] }
  }
  return source.by === 'direct' ? { state: known, events: [] } : afterStart(known, atMs, atMs)
}

/** Returns the monitor after an upcoming answer, which after the stream's start is a transient error of the site. */
function afterUpcoming(
  state: MonitorState,
  { releaseAtMs, title }: Extract<StreamResolution, { kind: 'upcoming' }>,
  now: ObservedAt,
): MonitorTransition {
  if (state.phase.kind === 'monitoring') return { state, events: [] }
  const waiting = { ...withTitle(state, title), phase: { kind: 'waiting' } } as const
  return raiseLateStart({ ...waiting, releaseAtMs: releaseAtMs ?? state.releaseAtMs }, now)
}

/** Returns the state with the site's title, if it has one. */
function withTitle(state: MonitorState, title: string | null): MonitorState {
  return title === null ? state : { ...state, title: sanitizeText(title) }
}

/** Reports whether a playlist being monitored will end the stream itself, after its last segments are analyzed. */
function isLeftToPlaylist(state: MonitorState, reason: string): boolean {
  return reason === 'endlist_detected' && state.phase.kind === 'monitoring'
}

/** Raises `stream.delayed` once, if the stream has not started and is late. */
function raiseLateStart(state: MonitorState, { atMs, config }: ObservedAt): MonitorTransition {
  if (state.phase.kind === 'monitoring' || state.delay === 'told') return { state, events: [] }
  const event = createDelayEvent(config, state.releaseAtMs, atMs)
  return event === null ? { state, events: [] } : { state: { ...state, delay: 'told' }, events: [event] }
}

function afterTick(state: MonitorState, now: ObservedAt): MonitorTransition {
  if (state.phase.kind !== 'monitoring') return raiseLateStart(state, now)
  const { outages, events } = raiseLastingOutage(state.outages, now.atMs)
  return { state: outages === state.outages ? state : { ...state, outages }, events }
}

/** Returns the completed monitor. Open alerts recover first, so that each alert has its recovery. */
function afterEnd(state: MonitorState, reason: string, { atMs, config }: ObservedAt): MonitorTransition {
  const recoveries = DETECTORS.flatMap((detector) => {
    const run = state.runs[detector.name]
    return run === undefined ? [] : endRun(run, { detector, config, atMs })
  })
  return {
    state: { ...state, phase: { kind: 'completed' }, runs: {} },
    events: [...recoveries, createEvent(atMs, 'stream.ended', { reason })],
  }
}

type PlaylistObservation = Extract<MonitorObservation, { readonly kind: 'playlist' }>

/** Returns the monitor after a fetched playlist. Its first segment starts the stream. */
function afterPlaylist(state: MonitorState, observation: PlaylistObservation): MonitorTransition {
  const { tracks, targetDurationSec, firstStartMs, isEnded, atMs } = observation
  if (state.phase.kind !== 'monitoring') {
    if (firstStartMs === null) return { state, events: [] }
    const started = afterStart(state, firstStartMs, atMs)
    return { state: afterPlaylist(started.state, observation).state, events: started.events }
  }
  const update = { tracks, targetDurationSec, hasNew: firstStartMs !== null, isEnded, atMs }
  const { stall, isInterrupted, events } = stallAfterPlaylist(state.phase.flow, update)
  const outages = outagesAfterRecovery(state.outages, { failing: 'manifest', tracks })
  const next: MonitorState = { ...state, outages, phase: { kind: 'monitoring', flow: stall } }
  return { state: isInterrupted ? afterInterruption(next, tracks) : next, events }
}

/** Returns the monitor after a rendition's stall began or ended: failures and short runs before it no longer count. */
function afterInterruption(state: MonitorState, tracks: TrackSelection): MonitorState {
  return {
    ...state,
    outages: outagesAfterRecovery(state.outages, { failing: 'segment', tracks }),
    runs: changeRuns(state.runs, tracks, (run) => (run.kind === 'short' ? null : run)),
  }
}

function afterStart(state: MonitorState, firstStartMs: number, atMs: number): MonitorTransition {
  const data = { title: state.title, started_at: formatTime(firstStartMs), source: state.by }
  return {
    state: { ...state, phase: { kind: 'monitoring', flow: INITIAL_STALL_STATE } },
    events: [createEvent(atMs, 'stream.started', data)],
  }
}
