import * as v from 'valibot'

import type { MonitorEvent } from '../../shared/contract/events.ts'
import { eventAt, secondsBetween, shortened } from './event.ts'
import type { Sides } from './snapshot.ts'

/**
 * A time in which nothing of one kind could be fetched or decoded for one rendition, from the start of the first try
 * that failed to the end of the last one. `told`: an alert stands for it.
 */
export const Outage = v.object({
  kind: v.picklist(['new', 'told']),
  failing: v.picklist(['manifest', 'segment']),
  sides: v.picklist(['both', 'picture', 'sound']),
  sinceMs: v.number(),
  lastMs: v.number(),
  /** What the last failure was. */
  error: v.string(),
})
export type Outage = Readonly<v.InferOutput<typeof Outage>>

/** What can fail, and for which rendition. */
export type Failing = { readonly failing: Outage['failing']; readonly sides: Sides }

/** A try that has failed, from its start to its end in ms since 1970. */
export type Failure = Failing & { readonly error: string; readonly beganMs: number; readonly atMs: number }

export type OutageStep = { readonly outages: readonly Outage[]; readonly events: readonly MonitorEvent[] }

/** A stream that fails for this long while it is live is an alert. */
const TOLD_AFTER_MS = 60_000

/** What failed longer ago than this says nothing of now. */
const RECENT_MS = 30_000

/**
 * The outages after a failure: it goes on with its own, or begins one where the last failure was longer ago than
 * `betweenMs`, the usual time between two tries, explains.
 */
export function failed(outages: readonly Outage[], failure: Failure, betweenMs: number): OutageStep {
  const { failing, sides, beganMs, atMs } = failure
  const known = outages.find((outage) => isOf(outage, failure) && beganMs - outage.lastMs <= RECENT_MS + betweenMs)
  const { kind, sinceMs } = known ?? { kind: 'new', sinceMs: beganMs }
  const outage: Outage = { kind, failing, sides, sinceMs, lastMs: atMs, error: shortened(failure.error) }
  return judged([...outages.filter((other) => !isOf(other, failure)), outage], atMs)
}

/** The outages at a time: one alert once one has lasted a minute, however much else is failing by then. */
export function judged(outages: readonly Outage[], atMs: number): OutageStep {
  const isDue = (outage: Outage) => toldFromMs(outage) <= atMs && atMs - outage.lastMs <= RECENT_MS
  const first = outages.find(isDue)
  if (first === undefined) return { outages, events: [] }
  const { failing, sinceMs, error } = first
  const data = { error, duration_sec: secondsBetween(sinceMs, atMs), failing }
  const isToldAlready = outages.some((outage) => outage.kind === 'told')
  return {
    outages: outages.map((outage) => (isDue(outage) ? { ...outage, kind: 'told' } : outage)),
    events: isToldAlready ? [] : [eventAt(atMs, 'alert.segment_error', data)],
  }
}

/** From when on an outage that lasts is an alert, in ms since 1970; `Infinity` once it is one. */
export function toldFromMs(outage: Outage): number {
  return outage.kind === 'told' ? Infinity : outage.sinceMs + TOLD_AFTER_MS
}

/** The outages without one that is over, after a success or because what it was about is. */
export function over(outages: readonly Outage[], what: Failing): readonly Outage[] {
  return outages.some((outage) => isOf(outage, what)) ? outages.filter((outage) => !isOf(outage, what)) : outages
}

function isOf(outage: Outage, { failing, sides }: Failing): boolean {
  return outage.failing === failing && outage.sides === sides
}
