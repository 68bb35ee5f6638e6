import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { addJitter, type BackoffPolicy, computeBackoffMs } from '../../platform/backoff.ts'
import type { StreamResolution, StreamSource } from '../stream.ts'
import type { MonitorState } from './monitor-state.ts'
import { computeAlertDueMs } from './outage.ts'
import { computeLateFromMs, findScheduledStartMs } from './start-delay.ts'
import { computeUnreadDueMs } from './unread-stream.ts'

/** Intervals between calls of the resolver, in ms; from the worker's environment. */
export type ResolveIntervals = {
  /** For a stream that has not started, before and after its scheduled start. */
  readonly waitingMs: number
  readonly waitingLateMs: number
  /** Shortest time between two calls about a stream that is being monitored. */
  readonly refreshMs: number
}

/** The resolver's last answer. */
export type ResolverAnswer = {
  readonly atMs: number
  readonly resolution: StreamResolution
  /** Answers in a row, this one included, that said nothing about the stream. */
  readonly failures: number
  /** Answers in a row, this one included, that came while the stream was disrupted. */
  readonly disruptedAnswers: number
}

export type ScheduleContext = {
  readonly state: MonitorState
  readonly config: MonitorConfig
  readonly intervals: ResolveIntervals
  readonly random: () => number
}

/** Interval at which a page is checked for the end of its stream. */
const RECHECK_MS = 5 * 60_000

/** Time before the expiry of its URLs at which a page is resolved again. */
const RENEW_BEFORE_MS = 3_600_000

/** Returns the time of the next call of the resolver, in ms since 1970, unless `earlyResolveMs` applies. */
export function nextResolveMs(answer: ResolverAnswer, context: ScheduleContext): number {
  const { resolution, atMs, failures } = answer
  switch (resolution.kind) {
    case 'upcoming':
      return nextWaitingResolveMs(atMs, context)
    case 'live':
      return atMs + computeValidityMs(resolution.source, atMs, context)
    case 'passing':
      return atMs + computeRetryMs(failures, PASSING_BACKOFF, context.random)
    case 'blocked':
      return atMs + computeBlockedRetryMs(answer, context)
    case 'ended':
    case 'gone':
      return atMs + context.intervals.refreshMs
  }
}

function nextWaitingResolveMs(atMs: number, { state, config, intervals }: ScheduleContext): number {
  const startMs = findScheduledStartMs(config, state.releaseAtMs) ?? Infinity
  return atMs < startMs ? Math.min(atMs + intervals.waitingMs, startMs) : atMs + intervals.waitingLateMs
}

/** Returns how long a live answer is valid: a playlist's own URL forever, a page's until the next check or expiry. */
function computeValidityMs(source: StreamSource, atMs: number, { intervals, random }: ScheduleContext): number {
  if (source.by === 'direct') return Infinity
  const recheckMs = addJitter(RECHECK_MS, random)
  if (source.expiresAtMs === null) return recheckMs
  const lifetimeMs = source.expiresAtMs - atMs
  return Math.min(recheckMs, Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs / 2, intervals.refreshMs))
}

const PASSING_BACKOFF = { firstMs: 1000, maxMs: 60_000 }
/** Slower, because each call brings a site's bot check nearer. */
const BLOCKED_BACKOFF = { firstMs: 5000, maxMs: 60_000 }
/** Slowest, because an undisturbed stream does not need the resolver. */
const BLOCKED_UNDISTURBED_BACKOFF = { firstMs: 5000, maxMs: 15 * 60_000 }

/** Failures in a row that open the circuit; from then on calls are at least this far apart. */
const CIRCUIT_FAILURES = 5
const CIRCUIT_MS = 30_000

function computeRetryMs(failures: number, policy: BackoffPolicy, random: () => number): number {
  const ms = computeBackoffMs(failures, policy, random)
  return failures < CIRCUIT_FAILURES ? ms : Math.max(ms, CIRCUIT_MS)
}

function computeBlockedRetryMs({ atMs, failures }: ResolverAnswer, { state, random }: ScheduleContext): number {
  const isUndisturbed = state.phase.kind === 'monitoring' && !isDisrupted(state, atMs)
  return isUndisturbed
    ? addJitter(computeBackoffMs(failures, BLOCKED_UNDISTURBED_BACKOFF, random), random)
    : computeRetryMs(failures, BLOCKED_BACKOFF, random)
}

/**
 * Returns the time of the next call about a disrupted stream: after the refresh interval, then at doubling intervals.
 * `Infinity` after a transient failure, which has its own backoff.
 */
export function earlyResolveMs(answer: ResolverAnswer, { refreshMs }: ResolveIntervals): number {
  const { atMs, disruptedAnswers, resolution } = answer
  if (resolution.kind === 'passing') return Infinity
  if (resolution.kind === 'blocked') return atMs + BLOCKED_BACKOFF.maxMs
  return atMs + Math.min(RECHECK_MS, refreshMs * 2 ** disruptedAnswers)
}

/** An outage of this duration is a reason to ask the resolver whether the stream is still live. */
const DISRUPTED_AFTER_MS = 15_000

/** Reports whether a monitored stream has stalled, or has failed long enough to call the resolver early. */
export function isDisrupted(state: MonitorState, nowMs: number): boolean {
  if (state.phase.kind !== 'monitoring') return false
  if (state.phase.flow.suspendedFromMs !== null) return true
  return state.outages.some((outage) => nowMs - outage.sinceMs >= DISRUPTED_AFTER_MS)
}

/**
 * Returns the next time at which a tick alone causes an event, in ms since 1970: a stream that has not started is late
 * or cannot be read, or an outage has lasted. `Infinity` if there is none.
 */
export function nextTickMs(state: MonitorState, config: MonitorConfig, nowMs: number): number {
  if (state.phase.kind === 'monitoring') {
    return Math.min(...state.outages.map(computeAlertDueMs).filter((ms) => ms > nowMs), Infinity)
  }
  const unreadMs = computeUnreadDueMs(state.unread, config, state.releaseAtMs)
  const lateFromMs = state.delay === 'told' ? null : computeLateFromMs(config, state.releaseAtMs)
  return Math.min(unreadMs, lateFromMs === null ? Infinity : lateFromMs + 1)
}
