import { JOB_ID } from '../../shared/ids.ts'
import type { Context } from '../context.ts'
import { fromCursor, toCursor } from '../http/paging.ts'
import { presentJob, type JobList } from './present.ts'
import { findPlaces } from './places/find-places.ts'
import type { ListJobsQuery } from './requests.ts'
import { listJobs } from './store.ts'

/** Jobs, newest first, from a cursor on. */
export async function listAllJobs(context: Context, { status, limit, cursor }: ListJobsQuery): Promise<JobList> {
  const before = cursor === undefined ? null : fromCursor(cursor, JOB_ID)
  const rows = await listJobs(context.db, { status, before, limit: limit + 1 })
  const shown = rows.slice(0, limit)
  const places = await findPlaces(context, shown)
  const last = rows.length > limit ? shown.at(-1) : undefined
  return {
    jobs: shown.map((row) => presentJob(row, places.get(row.id) ?? null)),
    pagination: { limit, next_cursor: last === undefined ? null : toCursor(last.id) },
  }
}
