import type { Context } from '../context.ts'
import { fromCursor } from '../http/paging.ts'
import { listEvents } from '../outbox/store.ts'
import { getMonitor } from './get-monitor.ts'
import { presentEvents, type EventList } from './present.ts'
import type { ListEventsQuery } from './requests.ts'

const NEWEST = 2_147_483_647

/**
 * A monitor's events with the state of their delivery, newest first.
 * @throws BrokenRule MONITOR_NOT_FOUND
 */
export async function listMonitorEvents(context: Context, id: string, query: ListEventsQuery): Promise<EventList> {
  const before = query.cursor === undefined ? NEWEST : Number(fromCursor(query.cursor, /^\d{1,9}$/))
  const monitor = await getMonitor(context, id)
  const rows = await listEvents(context.db, monitor.monitor_id, before, query.limit + 1)
  return presentEvents(rows.slice(0, query.limit), rows.length > query.limit)
}
