import { cutPage, fromCursor } from '../http/paging.ts'
import type { JobsContext } from './context.ts'
import { JOB_ID } from './ids.ts'
import { presentJob, type JobList } from './present.ts'
import { findQueuePositions } from './queue-position.ts'
import type { ListJobsQuery } from './requests.ts'
import { readJobPage } from './store/jobs.ts'

/**
 * Returns one page of jobs, newest first, from a cursor on.
 * @throws BrokenRule INVALID_CONFIG where the cursor is none
 */
export async function listJobs(context: JobsContext, { status, limit, cursor }: ListJobsQuery): Promise<JobList> {
  const before = cursor === undefined ? null : fromCursor(cursor, JOB_ID)
  const rows = await readJobPage(context.db, { status, before, limit: limit + 1 })
  const { page: shown, nextCursor } = cutPage(rows, limit, ({ id }) => id)
  const positions = await findQueuePositions(context, shown)
  return {
    jobs: shown.map((row) => presentJob(row, positions.get(row.id) ?? null)),
    pagination: { limit, next_cursor: nextCursor },
  }
}
