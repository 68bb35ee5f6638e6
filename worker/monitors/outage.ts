import * as v from 'valibot'

import type { MonitorEvent } from '../../shared/contract/events.ts'
import { eventAt, secondsBetween } from './event.ts'
import type { Sides } from './snapshot.ts'

/**
 * A time in which nothing of one kind could be fetched or decoded for one rendition. `told`: an alert stands for it.
 */
export const Outage = v.object({
  kind: v.picklist(['new', 'told']),
  failing: v.picklist(['manifest', 'segment']),
  sides: v.picklist(['both', 'picture', 'sound']),
  sinceMs: v.number(),
})
export type Outage = Readonly<v.InferOutput<typeof Outage>>

/** What can fail, and for which rendition. */
export type Failing = { readonly failing: Outage['failing']; readonly sides: Sides }

/** A stream that fails for this long while it is live is an alert. */
const TOLD_AFTER_MS = 60_000

/**
 * The outages after a failure: one of its own, if it is the first, and one alert once it has lasted a minute, however
 * much else is failing by then.
 */
export function failed(
  outages: readonly Outage[],
  failure: Failing & { readonly error: string },
  atMs: number,
): { readonly outages: readonly Outage[]; readonly events: readonly MonitorEvent[] } {
  const { failing, sides, error } = failure
  const outage = outages.find(isOf(failure)) ?? { kind: 'new', failing, sides, sinceMs: atMs }
  const others = outages.filter((other) => !isOf(failure)(other))
  if (outage.kind === 'told' || atMs - outage.sinceMs < TOLD_AFTER_MS)
    return { outages: [...others, outage], events: [] }
  const data = { error, duration_sec: secondsBetween(outage.sinceMs, atMs), failing }
  const isToldAlready = outages.some((other) => other.kind === 'told')
  return {
    outages: [...others, { ...outage, kind: 'told' }],
    events: isToldAlready ? [] : [eventAt(atMs, 'alert.segment_error', data)],
  }
}

/** The outages after a success: one ends its own. */
export function succeeded(outages: readonly Outage[], success: Failing): readonly Outage[] {
  return outages.some(isOf(success)) ? outages.filter((outage) => !isOf(success)(outage)) : outages
}

function isOf({ failing, sides }: Failing): (outage: Outage) => boolean {
  return (outage) => outage.failing === failing && outage.sides === sides
}
