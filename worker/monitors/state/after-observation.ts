import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { DETECTORS } from '../analyze/detectors/list.ts'
import type { StreamResolution, StreamSource } from '../stream.ts'
import { accessAfterResolution } from './access.ts'
import {
  afterEncryptedSegment,
  afterFailedAttempt,
  afterFailedSegment,
  afterKnownSegment,
  afterSegment,
  afterSkippedSegments,
  outagesWithoutSegments,
} from './after-segment.ts'
import { degradationsOfRenditions, degrade, restore } from './degradation.ts'
import { changeRuns, endRun } from './detection-runs.ts'
import { afterCaptionCheck, recoverCaptions } from './missing-captions.ts'
import { createEvent, formatTime, sanitizeText } from './monitor-event.ts'
import { isFinal, type MonitorState, type MonitorTransition } from './monitor-state.ts'
import type { MonitorObservation } from './observation.ts'
import { outagesAfterRecovery, raiseLastingOutage } from './outage.ts'
import { INITIAL_STALL_STATE, retainRenditions, stallAfterPlaylist } from './stall.ts'
import { createDelayEvent } from './start-delay.ts'
import { computeUnreadDueMs, createUnreadEvent, unreadAfterFetch } from './unread-stream.ts'

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
      return afterFailedAttempt(state, { ...observation, failing: observation.failing ?? 'segment' }, config)
    case 'segment':
      return afterSegment(state, observation, config)
    case 'segment_failed':
      return afterFailedSegment(state, observation, config)
    case 'skipped':
      return afterSkippedSegments(state, observation, config)
    case 'encrypted':
      return afterEncryptedSegment(state, observation)
    case 'known':
      return afterKnownSegment(state, observation)
    case 'renditions':
      return afterRenditions(state, observation)
    case 'stream_over':
      return afterEnd(state, 'endlist_detected', { atMs: observation.atMs, config })
    case 'tick':
      return afterTick(state, { atMs: observation.atMs, config })
    case 'captions':
      return afterCaptions(state, observation, config)
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
      return raiseLateStart(withoutProblem(state), now)
    case 'passing':
      return raiseLateStart(withProblem(state, resolution.problem, now), now)
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
  const moved = afterRenditions(known, { kind: 'renditions', atMs, tracks, problem: source.problem ?? null })
  if (state.phase.kind === 'monitoring' || source.by === 'direct') return moved
  const started = afterStart(moved.state, atMs, atMs)
  return { state: started.state, events: [...moved.events, ...started.events] }
}

/** Returns the monitor of other renditions: each continues where the one before it was. Says once why not the best. */
function afterRenditions(
  state: MonitorState,
  { tracks, problem, atMs }: Extract<MonitorObservation, { readonly kind: 'renditions' }>,
): MonitorTransition {
  const passed = degradationsOfRenditions(state.degradations, tracks, atMs)
  const { degradations, events } =
    problem === null
      ? restore(passed.degradations, 'rendition_gone', atMs)
      : degrade(passed.degradations, { cause: 'rendition_gone', message: problem }, atMs)
  const [known] = Object.values(state.positions)
  const continued = tracks.flatMap((each) => {
    const cursor = state.positions[each] ?? known
    return cursor === undefined ? [] : [[each, cursor] as const]
  })
  const positions = tracks.length === 0 ? state.positions : Object.fromEntries(continued)
  const { phase } = state
  const retained = phase.kind === 'monitoring' ? { ...phase, flow: retainRenditions(phase.flow, tracks) } : phase
  return { state: { ...state, degradations, positions, phase: retained }, events: [...passed.events, ...events] }
}

/** Returns the monitor after an upcoming answer, which after the stream's start is a transient error of the site. */
function afterUpcoming(
  state: MonitorState,
  { releaseAtMs, title, problem }: Extract<StreamResolution, { kind: 'upcoming' }>,
  now: ObservedAt,
): MonitorTransition {
  if (state.phase.kind === 'monitoring') return { state, events: [] }
  const waiting = { ...withTitle(state, title), phase: { kind: 'waiting' } } as const
  const upcoming = { ...waiting, releaseAtMs: releaseAtMs ?? state.releaseAtMs }
  return raiseLateStart(problem === undefined ? withoutProblem(upcoming) : withProblem(upcoming, problem, now), now)
}

/** Returns a monitor whose stream has not started with what is wrong with the stream's URL, if that is known. */
function withProblem(state: MonitorState, problem: string | undefined, { atMs }: ObservedAt): MonitorState {
  if (problem === undefined || state.phase.kind === 'monitoring') return state
  return { ...state, unread: unreadAfterFetch(state.unread, { error: problem, beganMs: atMs }) }
}

/** Returns a monitor whose stream's page was read, or refused for reasons of our own: nothing is wrong with its URL. */
function withoutProblem(state: MonitorState): MonitorState {
  return state.unread?.kind === 'new' ? { ...state, unread: null } : state
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

/** Raises one alert for a stream that has never been readable, once that is due. */
function raiseUnread(state: MonitorState, { atMs, config }: ObservedAt): MonitorTransition {
  const { unread, releaseAtMs } = state
  if (unread === null || atMs < computeUnreadDueMs(unread, config, releaseAtMs)) return { state, events: [] }
  return { state: { ...state, unread: { ...unread, kind: 'told' } }, events: [createUnreadEvent(unread, atMs)] }
}

/** Returns the monitor after a check of its captions, which counts while the stream is live. */
function afterCaptions(
  state: MonitorState,
  check: Extract<MonitorObservation, { readonly kind: 'captions' }>,
  { track_threshold_sec: thresholdSec }: MonitorConfig,
): MonitorTransition {
  const { captions, events } = afterCaptionCheck(state.captions, check, thresholdSec)
  if (state.phase.kind !== 'monitoring' || captions === state.captions) return { state, events: [] }
  const alerts = captions?.kind === 'alerted' ? 1 : 0
  const { statistics } = state
  const counted = { ...statistics, track_missing_events: statistics.track_missing_events + alerts }
  return { state: { ...state, captions, statistics: counted }, events }
}

function afterTick(state: MonitorState, now: ObservedAt): MonitorTransition {
  if (state.phase.kind !== 'monitoring') {
    const late = raiseLateStart(state, now)
    const unread = raiseUnread(late.state, now)
    return { state: unread.state, events: [...late.events, ...unread.events] }
  }
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
    state: { ...state, phase: { kind: 'completed' }, runs: {}, captions: null },
    events: [...recoveries, ...recoverCaptions(state.captions, atMs), createEvent(atMs, 'stream.ended', { reason })],
  }
}

type PlaylistObservation = Extract<MonitorObservation, { readonly kind: 'playlist' }>

/** Returns the monitor after a fetched playlist. Its first segment starts the stream. */
function afterPlaylist(state: MonitorState, observation: PlaylistObservation): MonitorTransition {
  const { tracks, targetDurationSec, firstStartMs, isEnded, atMs } = observation
  if (state.phase.kind !== 'monitoring') {
    if (firstStartMs === null) {
      const unread = unreadAfterFetch(state.unread, { error: 'the playlist has no segment', beganMs: atMs })
      return { state: { ...state, unread }, events: [] }
    }
    const started = afterStart(state, firstStartMs, atMs)
    return { state: afterPlaylist(started.state, observation).state, events: started.events }
  }
  const update = { tracks, targetDurationSec, hasNew: firstStartMs !== null, isEnded, atMs }
  const { stall, isInterrupted, events } = stallAfterPlaylist(state.phase.flow, update)
  const outages = outagesAfterRecovery(state.outages, { failing: 'manifest', tracks })
  const next: MonitorState = { ...state, outages, phase: { kind: 'monitoring', flow: stall } }
  return { state: isInterrupted ? afterInterruption(next, observation) : next, events }
}

/**
 * Returns the monitor after a rendition's stall began or ended: failures before it no longer count, nor do short runs
 * if the segments after it do not follow those before. A stand of the playlist is not a gap of the media.
 */
function afterInterruption(
  state: MonitorState,
  { tracks, firstStartMs, isContinuous = false }: PlaylistObservation,
): MonitorState {
  const isGap = firstStartMs !== null && !isContinuous
  return {
    ...state,
    outages: outagesWithoutSegments(state.outages, tracks),
    runs: changeRuns(state.runs, tracks, (run) => (isGap && run.kind === 'short' ? null : run)),
  }
}

function afterStart(state: MonitorState, firstStartMs: number, atMs: number): MonitorTransition {
  const data = { title: state.title, started_at: formatTime(firstStartMs), source: state.by }
  return {
    state: { ...state, unread: null, phase: { kind: 'monitoring', flow: INITIAL_STALL_STATE } },
    events: [createEvent(atMs, 'stream.started', data)],
  }
}
