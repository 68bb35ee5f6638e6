import { eq, sql } from 'drizzle-orm'

import { keepByKey, prepareQuery } from '../../database/prepared-query.ts'
import type { Tx } from '../../ports/database.ts'
import { insertReusedQuery } from '../../workers/store/reused-workers.ts'
import { JOB_KIND } from '../job-worker.ts'
import { jobs, jobTasks } from '../schema.ts'
import { startJobsQuery } from './jobs.ts'
import { insertProgressQuery, PROGRESS_COLUMNS } from './progress-events.ts'
import { takeTasksQuery, takeUpTo, TASK_WITH_JOB, type TaskWithJob } from './tasks.ts'

/** The progress message of a job whose first task is given to a running worker. */
export const HANDED_OVER_MESSAGE = 'a worker takes it'

/**
 * Hands waiting tasks over to a running worker, at most `limit`: takes and assigns them, starts their jobs, and inserts
 * the progress events of these, in one round trip.
 */
export function handOverWaitingTasks(
  tx: Tx,
  limit: number,
  worker: { readonly host: string; readonly owner: string; readonly claimant: string | null },
): Promise<TaskWithJob[]> {
  return handOverQuery(limit)(tx, worker)
}

const handOverQuery = keepByKey((limit: number) =>
  prepareQuery('hand_over_tasks', (db) => {
    const taken = db.$with('taken').as(takeTasksQuery(db, takeUpTo(limit)))
    const ids = sql`select id from ${taken}`
    const named = (name: string) => sql`${sql.placeholder(name)}::text as ${sql.identifier(name)}`
    const given = sql`select id, ${named('host')}, ${named('owner')}, ${named('claimant')} from ${taken}`
    const assigned = db.$with('assigned', {}).as(insertReusedQuery(JOB_KIND, given))
    const started = db.$with('started').as(startJobsQuery(db, ids, HANDED_OVER_MESSAGE).returning(PROGRESS_COLUMNS))
    const published = db.$with('published', {}).as(insertProgressQuery(db, sql`${started}`).getSQL())
    return db
      .with(taken, assigned, started, published)
      .select(TASK_WITH_JOB)
      .from(taken)
      .innerJoin(jobTasks, eq(jobTasks.id, taken.id))
      .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
  }),
)
