import { MONITOR_ID } from '../../shared/ids.ts'
import type { Context } from '../context.ts'
import { fromCursor, toCursor } from '../http/paging.ts'
import { presentMonitor, type MonitorList } from './present.ts'
import type { ListMonitorsQuery } from './requests.ts'
import { countMonitors, listMonitors } from './store.ts'

/** Monitors, newest first: by offset with a count of all, or from a cursor, which needs none. */
export async function listAllMonitors(context: Context, query: ListMonitorsQuery): Promise<MonitorList> {
  const before = query.cursor === undefined ? null : fromCursor(query.cursor, MONITOR_ID)
  const page = { status: query.status, before, limit: query.limit + 1, offset: query.offset }
  const rows = await listMonitors(context.db, page)
  const shown = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? shown.at(-1) : undefined
  const place = before === null ? { total: await countMonitors(context.db, query.status), offset: query.offset } : {}
  return {
    monitors: shown.map(presentMonitor),
    pagination: { ...place, limit: query.limit, next_cursor: last === undefined ? null : toCursor(last.id) },
  }
}
