import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { backoffMs, jittered } from '../platform/backoff.ts'
import { lateFromMs, scheduledStartMs } from './delay.ts'
import { toldFromMs } from './outage.ts'
import type { Resolution, Source } from './snapshot.ts'
import type { MonitorState } from './state.ts'

/** How often to look, in ms; from the worker's environment. */
export type Intervals = {
  /** Between questions about a stream that has not begun, before and after its scheduled start. */
  readonly waitingMs: number
  readonly waitingLateMs: number
  /** The least time between two questions about a stream that is being watched. */
  readonly refreshMs: number
}

/** The resolver's last answer. */
export type Answer = {
  readonly atMs: number
  readonly resolution: Resolution
  /** Answers in a row, this one included, that said nothing of the stream. */
  readonly failures: number
  /** Answers in a row, this one included, that came while what is being watched was unwell. */
  readonly inTrouble: number
}

export type Plan = {
  readonly state: MonitorState
  readonly config: MonitorConfig
  readonly intervals: Intervals
  readonly random: () => number
}

/** A page is asked again this often whether the stream is still live. */
const RECHECK_MS = 5 * 60_000

/** So long before its URLs expire, a page is resolved anew. */
const RENEW_BEFORE_MS = 3_600_000

/** When to ask the resolver again after an answer, if nothing else asks for it sooner; ms since 1970. */
export function nextQuestionMs(answer: Answer, plan: Plan): number {
  const { resolution, atMs, failures } = answer
  switch (resolution.kind) {
    case 'upcoming':
      return nextLookMs(atMs, plan)
    case 'live':
      return atMs + liveForMs(resolution.source, atMs, plan)
    case 'passing':
      return atMs + retryMs(failures, PASSING, plan.random)
    case 'blocked':
      return atMs + blockedForMs(answer, plan)
    case 'ended':
    case 'gone':
      return atMs + plan.intervals.refreshMs
  }
}

function nextLookMs(atMs: number, { state, config, intervals }: Plan): number {
  const startMs = scheduledStartMs(config, state.releaseAtMs) ?? Infinity
  return atMs < startMs ? Math.min(atMs + intervals.waitingMs, startMs) : atMs + intervals.waitingLateMs
}

/** For how long an answer holds: a playlist's own URL for good, a page's until it may be over or its URLs expire. */
function liveForMs(source: Source, atMs: number, { intervals, random }: Plan): number {
  if (source.by === 'direct') return Infinity
  const recheckMs = jittered(RECHECK_MS, random)
  if (source.expiresAtMs === null) return recheckMs
  const lifetimeMs = source.expiresAtMs - atMs
  return Math.min(recheckMs, Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2, intervals.refreshMs))
}

const PASSING = { firstMs: 1000, maxMs: 60_000 }
/** Each question brings a site's bot wall nearer. */
const BLOCKED = { firstMs: 5000, maxMs: 60_000 }
/** Nor is there a hurry as long as what is being watched goes well. */
const BLOCKED_WHILE_WELL = { firstMs: 5000, maxMs: 15 * 60_000 }

/** So many failures in a row open the circuit; then one trial at a time, this far apart at the least. */
const CIRCUIT_FAILURES = 5
const CIRCUIT_MS = 30_000

/** How long to wait after so many answers in a row that said nothing of the stream. */
function retryMs(failures: number, growth: typeof PASSING, random: () => number): number {
  const ms = backoffMs(failures, growth, random)
  return failures < CIRCUIT_FAILURES ? ms : Math.max(ms, CIRCUIT_MS)
}

function blockedForMs({ atMs, failures }: Answer, { state, random }: Plan): number {
  const isWell = state.phase.kind === 'monitoring' && !isUnwell(state, atMs)
  return isWell ? jittered(backoffMs(failures, BLOCKED_WHILE_WELL, random), random) : retryMs(failures, BLOCKED, random)
}

/**
 * When to ask again about a stream in trouble: after the refresh interval, then less and less often; `Infinity` where
 * passing trouble has its own distance.
 */
export function soonerQuestionMs({ atMs, inTrouble, resolution }: Answer, { refreshMs }: Intervals): number {
  if (resolution.kind === 'passing') return Infinity
  if (resolution.kind === 'blocked') return atMs + BLOCKED.maxMs
  return atMs + Math.min(RECHECK_MS, refreshMs * 2 ** inTrouble)
}

/** Failures that last for this long are a reason to ask whether the stream is still live. */
const LASTING_MS = 15_000

/** Whether what is being watched has stood still or failed for so long that the resolver should be asked about it. */
export function isUnwell(state: MonitorState, nowMs: number): boolean {
  if (state.phase.kind !== 'monitoring') return false
  if (state.phase.flow.suspendedFromMs !== null) return true
  return state.outages.some((outage) => nowMs - outage.sinceMs >= LASTING_MS)
}

/**
 * The next moment at which a tick tells something if nothing else happens: a stream that has not begun is late, or what
 * fails has lasted; else `Infinity`.
 */
export function nextTickMs(state: MonitorState, config: MonitorConfig, nowMs: number): number {
  if (state.phase.kind === 'monitoring') {
    return Math.min(...state.outages.map(toldFromMs).filter((ms) => ms > nowMs), Infinity)
  }
  if (state.delay === 'told') return Infinity
  const lateMs = lateFromMs(config, state.releaseAtMs)
  return lateMs === null ? Infinity : lateMs + 1
}
