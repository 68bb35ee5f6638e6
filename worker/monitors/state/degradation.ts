import * as v from 'valibot'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import { createEvent, secondsBetween } from './monitor-event.ts'

/** A lasting trouble in which the monitor still watches, by a stable word for its cause. */
export const Degradation = v.object({ cause: v.picklist(['encrypted', 'rendition_gone']), sinceMs: v.number() })
export type Degradation = Readonly<v.InferOutput<typeof Degradation>>

export type DegradationTransition = {
  readonly degradations: readonly Degradation[]
  readonly events: readonly MonitorEvent[]
}

/** Returns the degradations with that of a cause, whose beginning is one `monitor.degraded`. */
export function degrade(
  before: readonly Degradation[],
  { cause, message }: { readonly cause: Degradation['cause']; readonly message: string },
  atMs: number,
): DegradationTransition {
  if (before.some((each) => each.cause === cause)) return { degradations: before, events: [] }
  return {
    degradations: [...before, { cause, sinceMs: atMs }],
    events: [createEvent(atMs, 'monitor.degraded', { cause, message })],
  }
}

/** Returns the degradations without that of a cause, whose end is one `monitor.restored`. */
export function restore(
  before: readonly Degradation[],
  cause: Degradation['cause'],
  atMs: number,
): DegradationTransition {
  const ended = before.find((each) => each.cause === cause)
  if (ended === undefined) return { degradations: before, events: [] }
  const data = { cause, duration_sec: secondsBetween(ended.sinceMs, atMs) }
  return {
    degradations: before.filter((each) => each !== ended),
    events: [createEvent(atMs, 'monitor.restored', data)],
  }
}
