import * as v from 'valibot'

import type { MonitorEvent } from '../../../shared/contract/monitors.ts'
import type { StreamResolution } from '../stream.ts'
import { createEvent, secondsBetween } from './monitor-event.ts'

/** Whether the site answers the resolver; `cause` is a stable word for the reason of the block. */
export const SiteAccess = v.variant('kind', [
  v.object({ kind: v.literal('open') }),
  v.object({ kind: v.literal('blocked'), cause: v.string(), sinceMs: v.number() }),
])
export type SiteAccess = Readonly<v.InferOutput<typeof SiteAccess>>

/**
 * Returns the access after an answer of the resolver. A block is one `monitor.degraded`, even if its cause changes, and
 * ends with the next answer about the stream itself. A transient failure changes nothing.
 */
export function accessAfterResolution(
  access: SiteAccess,
  resolution: StreamResolution,
  atMs: number,
): { readonly access: SiteAccess; readonly events: readonly MonitorEvent[] } {
  if (resolution.kind === 'passing') return { access, events: [] }
  if (resolution.kind === 'blocked') {
    if (access.kind === 'blocked') return { access, events: [] }
    const { cause, message } = resolution
    return {
      access: { kind: 'blocked', cause, sinceMs: atMs },
      events: [createEvent(atMs, 'monitor.degraded', { cause, message })],
    }
  }
  if (access.kind === 'open') return { access, events: [] }
  const data = { cause: access.cause, duration_sec: secondsBetween(access.sinceMs, atMs) }
  return { access: { kind: 'open' }, events: [createEvent(atMs, 'monitor.restored', data)] }
}
