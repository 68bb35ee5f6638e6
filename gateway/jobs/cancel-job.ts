import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { cancel, endTasksOf } from './end-job.ts'
import { findTriedJob, type TriedJob } from './store.ts'

/**
 * Cancels a job for good: its workers are stopped, and nothing of it stays in the store. Repeated, or for a job that had
 * ended by itself, it changes nothing and answers the same.
 * @throws BrokenRule JOB_NOT_FOUND
 */
export async function cancelJob(context: Context, id: string): Promise<TriedJob> {
  const canceled = await context.transact((tx) => cancel(tx, id))
  if (canceled) {
    context.feed.ring(id)
    await endTasksOf(context, id)
    context.wake()
  }
  const job = await findTriedJob(context.db, id)
  if (job === null) throw new BrokenRule('JOB_NOT_FOUND', 'there is no job of this id')
  return job
}
