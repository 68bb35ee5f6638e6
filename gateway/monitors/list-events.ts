import { fromCursor } from '../http/paging.ts'
import { listEvents } from '../outbox/store/events.ts'
import { getMonitor } from './get-monitor.ts'
import { presentEvents, type EventList } from './present.ts'
import type { ListEventsQuery } from './requests.ts'
import type { MonitorsContext } from './context.ts'

const NEWEST = 2_147_483_647

/**
 * Returns a page of a monitor's events with the state of their delivery, the newest first.
 * @throws BrokenRule MONITOR_NOT_FOUND
 */
export async function listMonitorEvents(
  context: MonitorsContext,
  id: string,
  query: ListEventsQuery,
): Promise<EventList> {
  const before = query.cursor === undefined ? NEWEST : Number(fromCursor(query.cursor, /^\d{1,9}$/))
  const monitor = await getMonitor(context, id)
  const rows = await listEvents(context.db, monitor.monitor_id, before, query.limit + 1)
  return presentEvents(rows.slice(0, query.limit), rows.length > query.limit)
}
