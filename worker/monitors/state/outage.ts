import * as v from 'valibot'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import type { TrackSelection } from '../stream.ts'
import { createEvent, sanitizeText, secondsBetween } from './monitor-event.ts'

/**
 * A time in which one rendition's playlist or segments could not be fetched or decoded, from the start of the first
 * failed attempt to the end of the last one, or to the time until which the server refuses calls. `told`: an alert was sent for it. `sides`: the rendition's tracks.
 */
export const Outage = v.object({
  kind: v.picklist(['new', 'told']),
  failing: v.picklist(['manifest', 'segment', 'key']),
  sides: v.picklist(['both', 'picture', 'sound']),
  sinceMs: v.number(),
  lastMs: v.number(),
  /** Message of the last failure. */
  error: v.string(),
})
export type Outage = Readonly<v.InferOutput<typeof Outage>>

/** The part of the stream that an outage concerns. */
export type OutageScope = { readonly failing: Outage['failing']; readonly tracks: TrackSelection }

/** A failed attempt, from its start to its end in ms since 1970. `untilMs`: the server wants no call before this time. */
export type StreamFailure = OutageScope & {
  readonly error: string
  readonly beganMs: number
  readonly atMs: number
  readonly untilMs?: number
}

export type OutageTransition = { readonly outages: readonly Outage[]; readonly events: readonly MonitorEvent[] }

/** Duration after which an outage of a live stream is an alert. */
const ALERT_AFTER_MS = 60_000

/** An outage whose last failure is older than this no longer describes the present. */
const RECENT_MS = 30_000

/**
 * Returns the outages after a failure. It prolongs the outage of its scope, or begins one if the last failure is older
 * than `betweenMs`, the usual time between two attempts, accounts for.
 */
export function outagesAfterFailure(
  outages: readonly Outage[],
  failure: StreamFailure,
  betweenMs: number,
): OutageTransition {
  const { failing, tracks, beganMs, atMs, untilMs = atMs } = failure
  const known = outages.find((outage) => isInScope(outage, failure) && beganMs - outage.lastMs <= RECENT_MS + betweenMs)
  const { kind, sinceMs } = known ?? { kind: 'new', sinceMs: beganMs }
  const outage: Outage = {
    kind,
    failing,
    sides: tracks,
    sinceMs,
    lastMs: Math.max(atMs, untilMs),
    error: sanitizeText(failure.error),
  }
  return raiseLastingOutage([...outages.filter((other) => !isInScope(other, failure)), outage], atMs)
}

/** Returns the outages at a time: those that have lasted for a minute share one alert. */
export function raiseLastingOutage(outages: readonly Outage[], atMs: number): OutageTransition {
  const isDue = (outage: Outage) => computeAlertDueMs(outage) <= atMs && atMs - outage.lastMs <= RECENT_MS
  const first = outages.find(isDue)
  if (first === undefined) return { outages, events: [] }
  const { failing, sinceMs, error } = first
  const data = { error, duration_sec: secondsBetween(sinceMs, atMs), failing }
  const hasAlert = outages.some((outage) => outage.kind === 'told')
  return {
    outages: outages.map((outage) => (isDue(outage) ? { ...outage, kind: 'told' } : outage)),
    events: hasAlert ? [] : [createEvent(atMs, 'alert.segment_error', data)],
  }
}

/** Returns the time at which a lasting outage becomes an alert, in ms since 1970; `Infinity` once it is one. */
export function computeAlertDueMs(outage: Outage): number {
  return outage.kind === 'told' ? Infinity : outage.sinceMs + ALERT_AFTER_MS
}

/** Returns the outages without that of a scope, after a success or once the scope is obsolete. */
export function outagesAfterRecovery(outages: readonly Outage[], scope: OutageScope): readonly Outage[] {
  return outages.some((outage) => isInScope(outage, scope))
    ? outages.filter((outage) => !isInScope(outage, scope))
    : outages
}

function isInScope(outage: Outage, { failing, tracks }: OutageScope): boolean {
  return outage.failing === failing && outage.sides === tracks
}
