import type { MonitorConfig, MonitorHealth } from '../../shared/contract/monitors.ts'
import type { MonitorEvent } from '../../shared/contract/events.ts'
import { afterAnswer } from './access.ts'
import { delayEvent } from './delay.ts'
import { DETECTORS } from './detectors/list.ts'
import { eventAt, shortened, toIso } from './event.ts'
import { moved, stoodStill } from './flow.ts'
import { failed, succeeded } from './outage.ts'
import { closed, seen, unseen, type Runs } from './runs.ts'
import type { Resolution, SideFindings, Sides } from './snapshot.ts'
import { isFinal, type MonitorState, type Observation } from './state.ts'

export type Step = { readonly state: MonitorState; readonly events: readonly MonitorEvent[] }

/**
 * The monitor after an observation, and the events that it caused, in order. Pure: the same state and observation give
 * the same step. A final state stays as it is.
 */
export function step(state: MonitorState, observation: Observation, config: MonitorConfig): Step {
  if (isFinal(state)) return { state, events: [] }
  switch (observation.kind) {
    case 'resolved':
      return onAnswer(state, observation, config)
    case 'playlist':
      return onPlaylist(state, observation)
    case 'playlist_failed':
      return onFailure(state, { failing: 'manifest', ...observation })
    case 'segment':
      return onSegment(state, observation, config)
    case 'segment_failed':
      return onLostSegment(state, observation)
    case 'skipped':
      return onSkipped(state, observation)
    case 'stream_over':
      return ended(state, 'endlist_detected', { atMs: observation.atMs, config })
    case 'tick':
      return judgedLate(state, { atMs: observation.atMs, config })
  }
}

type Of<Kind extends Observation['kind']> = Extract<Observation, { readonly kind: Kind }>
type Now = { readonly atMs: number; readonly config: MonitorConfig }

function onAnswer(state: MonitorState, { resolution, atMs }: Of<'resolved'>, config: MonitorConfig): Step {
  const { access, events } = afterAnswer(state.access, resolution, atMs)
  const after = answered({ ...state, access }, resolution, { atMs, config })
  return { state: after.state, events: [...events, ...after.events] }
}

function answered(state: MonitorState, resolution: Resolution, now: Now): Step {
  switch (resolution.kind) {
    case 'live': {
      const { title, by, renditions } = resolution.source
      const outages = state.outages.filter((outage) => renditions.some(({ sides }) => sides === outage.sides))
      return { state: { ...titled(state, title), by, outages }, events: [] }
    }
    case 'upcoming':
      return announced(state, resolution, now)
    case 'ended':
      return isToldByPlaylist(state, resolution.reason) ? { state, events: [] } : ended(state, resolution.reason, now)
    case 'gone': {
      const { reason, message } = resolution
      return {
        state: { ...state, phase: { kind: 'error' } },
        events: [eventAt(now.atMs, 'monitor.error', { reason, message })],
      }
    }
    case 'blocked':
    case 'passing':
      return judgedLate(state, now)
  }
}

/** What has begun is not taken back: an "upcoming" afterwards is passing trouble of the site. */
function announced(
  state: MonitorState,
  { releaseAtMs, title }: Extract<Resolution, { kind: 'upcoming' }>,
  now: Now,
): Step {
  if (state.phase.kind === 'monitoring') return { state, events: [] }
  const waiting = { ...titled(state, title), phase: { kind: 'waiting' } } as const
  return judgedLate({ ...waiting, releaseAtMs: releaseAtMs ?? state.releaseAtMs }, now)
}

/** A report takes no longer title. */
const MAX_TITLE_LENGTH = 500

/** The state with a title that the site gave. */
function titled(state: MonitorState, title: string | null): MonitorState {
  return title === null ? state : { ...state, title: shortened(title, MAX_TITLE_LENGTH) }
}

/** A playlist that is being watched tells of its ENDLIST itself, once its last segments have been looked at. */
function isToldByPlaylist(state: MonitorState, reason: string): boolean {
  return reason === 'endlist_detected' && state.phase.kind === 'monitoring'
}

function judgedLate(state: MonitorState, { atMs, config }: Now): Step {
  if (state.phase.kind === 'monitoring' || state.delay === 'told') return { state, events: [] }
  const event = delayEvent(config, state.releaseAtMs, atMs)
  return event === null ? { state, events: [] } : { state: { ...state, delay: 'told' }, events: [event] }
}

/** The end: open alerts are closed first, so that each alert has its recovery. */
function ended(state: MonitorState, reason: string, { atMs, config }: Now): Step {
  const recoveries = DETECTORS.flatMap((detector) => {
    const run = state.runs[detector.name]
    return run === undefined ? [] : closed(run, { detector, config, atMs })
  })
  return {
    state: { ...state, phase: { kind: 'completed' }, runs: {} },
    events: [...recoveries, eventAt(atMs, 'stream.ended', { reason })],
  }
}

function onPlaylist(state: MonitorState, observation: Of<'playlist'>): Step {
  const { sides, firstStartMs, targetDurationSec, atMs } = observation
  const outages = succeeded(state.outages, { failing: 'manifest', sides })
  if (state.phase.kind !== 'monitoring') {
    return firstStartMs === null ? { state, events: [] } : started(state, firstStartMs, atMs)
  }
  const { flow: before } = state.phase
  const { flow, events } = firstStartMs === null ? stoodStill(before, targetDurationSec, atMs) : moved(before, atMs)
  return { state: { ...state, outages, phase: { kind: 'monitoring', flow } }, events }
}

function started(state: MonitorState, firstStartMs: number, atMs: number): Step {
  const flow = { kind: 'moving', lastNewMs: atMs } as const
  const data = { title: state.title, started_at: toIso(firstStartMs), source: state.by }
  return {
    state: { ...state, phase: { kind: 'monitoring', flow } },
    events: [eventAt(atMs, 'stream.started', data)],
  }
}

type Failure = {
  readonly failing: 'manifest' | 'segment'
  readonly sides: Sides
  readonly error: string
  readonly atMs: number
}

/** Failures count once the stream is live: before, a playlist that is not there yet is nothing wrong. */
function onFailure(state: MonitorState, failure: Failure): Step {
  if (state.phase.kind !== 'monitoring') return { state, events: [] }
  const { outages, events } = failed(state.outages, failure, failure.atMs)
  return { state: { ...state, outages }, events }
}

function onSegment(state: MonitorState, observation: Of<'segment'>, config: MonitorConfig): Step {
  const { atMs, findings, segment, place } = observation
  const runs: Record<string, Runs[string]> = { ...state.runs }
  const statistics = { ...state.statistics, total_segments_analyzed: state.statistics.total_segments_analyzed + 1 }
  const events: MonitorEvent[] = []
  for (const detector of DETECTORS) {
    const side = findings[detector.side]
    if (side === null || config[detector.threshold] === 0) continue
    const after = seen(runs[detector.name] ?? null, side, segment, { detector, config, atMs })
    delete runs[detector.name]
    if (after.run !== null) runs[detector.name] = after.run
    statistics[detector.counter] += after.alerts
    events.push(...after.events)
  }
  const outages = succeeded(state.outages, { failing: 'segment', sides: place.sides })
  const health = healthAfter(state.health, { findings, runs, atMs })
  const positions = { ...state.positions, [place.sides]: place.position }
  return { state: { ...state, runs, statistics, outages, health, positions }, events }
}

type Seen = { readonly findings: Of<'segment'>['findings']; readonly runs: Runs; readonly atMs: number }

function healthAfter(before: MonitorHealth, { findings, runs, atMs }: Seen): MonitorHealth {
  const { picture, sound } = findings
  const video = picture === null ? before.video : sideHealth(picture, PICTURE_DETECTORS, runs)
  const audio = sound === null ? before.audio : sideHealth(sound, SOUND_DETECTORS, runs)
  return { video, audio, last_check_at: toIso(atMs) }
}

const PICTURE_DETECTORS = DETECTORS.filter((detector) => detector.side === 'picture')
const SOUND_DETECTORS = DETECTORS.filter((detector) => detector.side === 'sound')
type Named<Health> = { readonly name: string; readonly health: Health }

/** What is wrong with a side at the end of a segment, by the first detector of the list that has found something. */
function sideHealth<Health>(findings: SideFindings, detectors: readonly Named<Health>[], runs: Runs) {
  if (findings.kind === 'absent') return 'absent'
  return detectors.find(({ name }) => runs[name] !== undefined)?.health ?? 'ok'
}

function onLostSegment(state: MonitorState, { place, error, atMs }: Of<'segment_failed'>): Step {
  const { statistics } = state
  const lost = {
    ...passedOver(state, place),
    statistics: { ...statistics, segments_failed: statistics.segments_failed + 1 },
  }
  return onFailure(lost, { failing: 'segment', sides: place.sides, error, atMs })
}

function onSkipped(state: MonitorState, { place, count }: Of<'skipped'>): Step {
  const { statistics } = state
  const skipped = { ...statistics, segments_skipped: statistics.segments_skipped + count }
  return { state: { ...passedOver(state, place), statistics: skipped }, events: [] }
}

/** Segments that nobody looked at are neither normal nor not: the runs of their sides stay as they are. */
function passedOver(state: MonitorState, { sides, position }: Of<'skipped'>['place']): MonitorState {
  const runs = { ...state.runs }
  for (const { name, side } of DETECTORS) {
    const run = runs[name]
    if (run !== undefined && (sides === 'both' || sides === side)) runs[name] = unseen(run)
  }
  return { ...state, runs, positions: { ...state.positions, [sides]: position } }
}
