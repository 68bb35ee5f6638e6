import * as v from 'valibot'

import type { MonitorEvent } from '../../shared/contract/events.ts'
import { eventAt, secondsBetween } from './event.ts'
import type { Resolution } from './snapshot.ts'

/** Whether the site lets us ask about the stream; `cause` is a stable word for what keeps us out. */
export const Access = v.variant('kind', [
  v.object({ kind: v.literal('open') }),
  v.object({ kind: v.literal('blocked'), cause: v.string(), sinceMs: v.number() }),
])
export type Access = Readonly<v.InferOutput<typeof Access>>

/**
 * The access after an answer of the resolver. One block is told once, whatever its causes, and is over with the next
 * answer about the stream itself; passing trouble says nothing of it.
 */
export function afterAnswer(
  access: Access,
  resolution: Resolution,
  atMs: number,
): { readonly access: Access; readonly events: readonly MonitorEvent[] } {
  if (resolution.kind === 'passing') return { access, events: [] }
  if (resolution.kind === 'blocked') {
    if (access.kind === 'blocked') return { access, events: [] }
    const { cause, message } = resolution
    return {
      access: { kind: 'blocked', cause, sinceMs: atMs },
      events: [eventAt(atMs, 'monitor.degraded', { cause, message })],
    }
  }
  if (access.kind === 'open') return { access, events: [] }
  const data = { cause: access.cause, duration_sec: secondsBetween(access.sinceMs, atMs) }
  return { access: { kind: 'open' }, events: [eventAt(atMs, 'monitor.restored', data)] }
}
