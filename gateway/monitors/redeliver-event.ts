import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { requeueEvent } from '../outbox/store.ts'
import { getMonitor } from './get-monitor.ts'

/**
 * Has an event's webhook tried again from its first attempt, with the same id and bytes. Its failure then changes
 * nothing but the event.
 * @throws BrokenRule MONITOR_NOT_FOUND, EVENT_NOT_FOUND
 */
export async function redeliverEvent(context: Context, monitorId: string, eventId: string): Promise<void> {
  await getMonitor(context, monitorId)
  const found = await context.transact((tx) => requeueEvent(tx, monitorId, eventId))
  if (!found) throw new BrokenRule('EVENT_NOT_FOUND', 'this monitor has no event of this id')
  context.wake()
}
