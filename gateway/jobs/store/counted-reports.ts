import { eq } from 'drizzle-orm'

import type { CallNumber } from '../../../shared/contract/assignment.ts'
import { prepareQuery } from '../../database/prepared-query.ts'
import type { Tx } from '../../ports/database.ts'
import { countCallQuery, type Assignment } from '../../workers/store/assignments.ts'
import { JOB_ATTEMPTS } from '../job-worker.ts'
import { jobs, jobTasks } from '../schema.ts'
import type { Job } from './jobs.ts'
import type { Task } from './tasks.ts'

/** The task of a report that counts, with its job and its assignment. */
export type CountedReport = { readonly assignment: Assignment; readonly task: Task; readonly job: Job }

/**
 * Counts a report and locks its job until the transaction ends. `null`: it does not count, since it was counted before,
 * is of an older epoch, or its assignment has ended.
 */
export async function countReport(tx: Tx, report: { readonly id: string } & CallNumber): Promise<CountedReport | null> {
  const [row] = await countReportQuery(tx, { ...report, resume: null })
  return row ?? null
}

const countReportQuery = prepareQuery('count_job_report', (db) => {
  const call = db.$with('call').as(countCallQuery(db, JOB_ATTEMPTS))
  return db
    .with(call)
    .select({ assignment: call._.selectedFields, task: jobTasks, job: jobs })
    .from(call)
    .innerJoin(jobTasks, eq(jobTasks.id, call.id))
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
    .for('update', { of: jobs })
})
