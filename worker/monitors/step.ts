import type { MonitorConfig, MonitorHealth } from '../../shared/contract/monitors.ts'
import type { MonitorEvent } from '../../shared/contract/events.ts'
import { afterAnswer } from './access.ts'
import { delayEvent } from './delay.ts'
import { DETECTORS } from './detectors/list.ts'
import { eventAt, shortened, toIso } from './event.ts'
import { afterPlaylist, narrowed, NO_FLOW, stepMs } from './flow.ts'
import { failed, judged, over, type Failure } from './outage.ts'
import { closed, reaching, seen, unseen, type Run, type Runs } from './runs.ts'
import type { Resolution, SideFindings, Sides, Source } from './snapshot.ts'
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
      return onFailure(state, { failing: 'manifest', ...observation }, config)
    case 'try_failed':
      return onFailure(state, { failing: 'segment', ...observation }, config)
    case 'segment':
      return onSegment(state, observation, config)
    case 'segment_failed':
      return onLostSegment(state, observation, config)
    case 'skipped':
      return onSkipped(state, observation)
    case 'stream_over':
      return ended(state, 'endlist_detected', { atMs: observation.atMs, config })
    case 'tick':
      return onTick(state, { atMs: observation.atMs, config })
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
    case 'live':
      return found(state, resolution.source, now)
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

/**
 * A page that says live is believed before a segment was seen: what keeps its playlist from us is an outage. What was
 * known of renditions that are watched no more is forgotten.
 */
function found(state: MonitorState, { title, by, renditions }: Source, { atMs }: Now): Step {
  const sides = renditions.map((rendition) => rendition.sides)
  const outages = state.outages.filter((outage) => sides.includes(outage.sides))
  const known = { ...titled(state, title), by, outages }
  if (state.phase.kind === 'monitoring') {
    const flow = narrowed(state.phase.flow, sides)
    return { state: { ...known, phase: { kind: 'monitoring', flow } }, events: [] }
  }
  return by === 'direct' ? { state: known, events: [] } : started(known, atMs, atMs)
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

/** The state with a title that the site gave. */
function titled(state: MonitorState, title: string | null): MonitorState {
  return title === null ? state : { ...state, title: shortened(title) }
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

function onTick(state: MonitorState, now: Now): Step {
  if (state.phase.kind !== 'monitoring') return judgedLate(state, now)
  const { outages, events } = judged(state.outages, now.atMs)
  return { state: outages === state.outages ? state : { ...state, outages }, events }
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
  const { sides, targetDurationSec, firstStartMs, isEnded, atMs } = observation
  if (state.phase.kind !== 'monitoring') {
    if (firstStartMs === null) return { state, events: [] }
    const begun = started(state, firstStartMs, atMs)
    return { state: onPlaylist(begun.state, observation).state, events: begun.events }
  }
  const fetched = { sides, targetDurationSec, hasNew: firstStartMs !== null, isEnded, atMs }
  const { flow, turned, events } = afterPlaylist(state.phase.flow, fetched)
  const outages = over(state.outages, { failing: 'manifest', sides })
  const next: MonitorState = { ...state, outages, phase: { kind: 'monitoring', flow } }
  return { state: turned === null ? next : interrupted(next, sides), events }
}

/** A rendition that stood still: what came before has nothing to do with what comes after. */
function interrupted(state: MonitorState, sides: Sides): MonitorState {
  return {
    ...state,
    outages: over(state.outages, { failing: 'segment', sides }),
    runs: runsAfter(state.runs, sides, (run) => (run.kind === 'short' ? null : run)),
  }
}

function started(state: MonitorState, firstStartMs: number, atMs: number): Step {
  const data = { title: state.title, started_at: toIso(firstStartMs), source: state.by }
  return {
    state: { ...state, phase: { kind: 'monitoring', flow: NO_FLOW } },
    events: [eventAt(atMs, 'stream.started', data)],
  }
}

/** Failures count once the stream is live: before, a playlist that is not there yet is nothing wrong. */
function onFailure(state: MonitorState, failure: Failure, config: MonitorConfig): Step {
  if (state.phase.kind !== 'monitoring') return { state, events: [] }
  const cycleMs = config.coverage === 'latest' ? config.check_interval_sec * 1000 : 0
  const betweenMs = Math.max(cycleMs, stepMs(state.phase.flow, failure.sides))
  const { outages, events } = failed(state.outages, failure, betweenMs)
  return { state: { ...state, outages }, events }
}

function onSegment(state: MonitorState, observation: Of<'segment'>, config: MonitorConfig): Step {
  const { atMs, findings, segment, place } = observation
  const runs: Record<string, Runs[string]> = { ...state.runs }
  const statistics = { ...state.statistics, total_segments_analyzed: state.statistics.total_segments_analyzed + 1 }
  const events: MonitorEvent[] = []
  const longestStepMs = state.phase.kind === 'monitoring' ? stepMs(state.phase.flow, place.sides) : 0
  for (const detector of DETECTORS) {
    const side = findings[detector.side]
    if (side === null || config[detector.threshold] === 0) continue
    const run = reaching(runs[detector.name] ?? null, segment, longestStepMs)
    const after = seen(run, side, segment, { detector, config, atMs })
    delete runs[detector.name]
    if (after.run !== null) runs[detector.name] = after.run
    statistics[detector.counter] += after.alerts
    events.push(...after.events)
  }
  const outages = over(state.outages, { failing: 'segment', sides: place.sides })
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

function onLostSegment(state: MonitorState, observation: Of<'segment_failed'>, config: MonitorConfig): Step {
  const { place } = observation
  const { statistics } = state
  const lost = {
    ...passedOver(state, place),
    statistics: { ...statistics, segments_failed: statistics.segments_failed + 1 },
  }
  return onFailure(lost, { failing: 'segment', sides: place.sides, ...observation }, config)
}

function onSkipped(state: MonitorState, { place, count }: Of<'skipped'>): Step {
  const { statistics } = state
  const skipped = { ...statistics, segments_skipped: statistics.segments_skipped + count }
  return { state: { ...passedOver(state, place), statistics: skipped }, events: [] }
}

/** Segments that nobody looked at are neither normal nor not: the runs of their sides stay as they are. */
function passedOver(state: MonitorState, { sides, position }: Of<'skipped'>['place']): MonitorState {
  const runs = runsAfter(state.runs, sides, unseen)
  return { ...state, runs, positions: { ...state.positions, [sides]: position } }
}

/** The runs, those that are found in a rendition changed; `null` drops one. */
function runsAfter(runs: Runs, sides: Sides, change: (run: Run) => Run | null): Runs {
  const changed = Object.entries(runs).map(([name, run]) => {
    const isTheirs = DETECTORS.some(
      (detector) => detector.name === name && (sides === 'both' || sides === detector.side),
    )
    return [name, isTheirs ? change(run) : run] as const
  })
  return Object.fromEntries(changed.flatMap(([name, run]) => (run === null ? [] : [[name, run]])))
}
