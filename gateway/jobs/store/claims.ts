import { eq, sql } from 'drizzle-orm'

import { prepareQuery } from '../../database/prepared-query.ts'
import type { Db } from '../../ports/database.ts'
import { claimQuery, type Assignment } from '../../workers/store/assignments.ts'
import { workerNamePrefix } from '../job-worker.ts'
import { jobs, jobTasks } from '../schema.ts'
import { TASK_WITH_JOB, type TaskWithJob } from './tasks.ts'

/** A task with the assignment by which a process has claimed it. */
export type ClaimedTask = TaskWithJob & { readonly assignment: Assignment }

/**
 * Claims a task for a process of the worker that it was last given to. `null`: the task cannot be claimed, belongs to
 * another worker, or was claimed by this process before.
 */
export async function claimTaskWithJob(
  db: Db,
  id: string,
  { claimant, worker }: { readonly claimant: string; readonly worker: string },
): Promise<ClaimedTask | null> {
  const [row] = await claimTaskQuery(db, { id, claimant, worker, prefix: workerNamePrefix(id) })
  return row ?? null
}

const claimTaskQuery = prepareQuery('claim_task', (db) => {
  const runningWorker = sql`coalesce(host, ${sql.placeholder('prefix')} || launch)`
  const claim = db.$with('claim').as(claimQuery(db, sql`${runningWorker} = ${sql.placeholder('worker')}`))
  return db
    .with(claim)
    .select({ assignment: claim._.selectedFields, ...TASK_WITH_JOB })
    .from(claim)
    .innerJoin(jobTasks, eq(jobTasks.id, claim.id))
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
})
