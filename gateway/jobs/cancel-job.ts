import { BrokenRule } from '../errors.ts'
import type { JobsContext } from './context.ts'
import { cancelActiveJob, endOpenTasks } from './end-job.ts'
import { JOB_ERRORS } from './errors.ts'
import { findJobWithAttempts, type JobWithAttempts } from './store/jobs.ts'

/**
 * Cancels a job: its workers are stopped, and what it has stored is removed. A job that has ended is returned
 * unchanged.
 * @throws BrokenRule JOB_NOT_FOUND
 */
export async function cancelJob(context: JobsContext, id: string): Promise<JobWithAttempts> {
  const isCanceled = await context.transact((tx) => cancelActiveJob(tx, id))
  if (isCanceled) {
    context.notifier.notify(id)
    await endOpenTasks(context, id)
    context.wake()
  }
  const job = await findJobWithAttempts(context.db, id)
  if (job === null) throw new BrokenRule(JOB_ERRORS.JOB_NOT_FOUND, 'there is no job of this id')
  return job
}
