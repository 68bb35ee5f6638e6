import { MONITOR_ID } from '../../shared/contract/monitors.ts'
import { cutPage, fromCursor } from '../http/paging.ts'
import { presentMonitor, type MonitorList } from './present.ts'
import type { ListMonitorsQuery } from './requests.ts'
import { countMonitors, readMonitorPage } from './store/monitors.ts'
import type { MonitorsContext } from './context.ts'

/** Returns a page of monitors, the newest first: by offset with a total, or by cursor without one. */
export async function listMonitors(context: MonitorsContext, query: ListMonitorsQuery): Promise<MonitorList> {
  const before = query.cursor === undefined ? null : fromCursor(query.cursor, MONITOR_ID)
  const page = { status: query.status, before, limit: query.limit + 1, offset: query.offset }
  const rows = await readMonitorPage(context.db, page)
  const { page: shown, nextCursor } = cutPage(rows, query.limit, ({ id }) => id)
  const place = before === null ? { total: await countMonitors(context.db, query.status), offset: query.offset } : {}
  return {
    monitors: shown.map(presentMonitor),
    pagination: { ...place, limit: query.limit, next_cursor: nextCursor },
  }
}
