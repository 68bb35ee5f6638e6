import { BrokenRule } from '../errors.ts'
import { requeueEvent } from '../outbox/store/events.ts'
import { getMonitor } from './get-monitor.ts'
import { MONITOR_ERRORS } from './errors.ts'
import type { MonitorsContext } from './context.ts'

/**
 * Delivers an event's webhook again from its first attempt, with the same id and bytes. A failure then affects that event
 * only.
 * @throws BrokenRule MONITOR_NOT_FOUND, EVENT_NOT_FOUND
 */
export async function redeliverEvent(context: MonitorsContext, monitorId: string, eventId: string): Promise<void> {
  await getMonitor(context, monitorId)
  const found = await context.transact((tx) => requeueEvent(tx, monitorId, eventId))
  if (!found) throw new BrokenRule(MONITOR_ERRORS.EVENT_NOT_FOUND, 'this monitor has no event of this id')
  context.wake()
}
