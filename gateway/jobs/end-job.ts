import type { Tx } from '../ports/database.ts'
import { endAssignment } from '../workers/store/assignments.ts'
import { newCleanup } from './cleanups.ts'
import type { JobsContext } from './context.ts'
import { publishProgress } from './publish-progress.ts'
import { endJob, type Job } from './store/jobs.ts'
import { endTasks, insertTasks, listEndedJobsWithOpenTasks, listOpenTasks } from './store/tasks.ts'

/** Why a job has failed. */
export type FailureReason = { readonly code: string; readonly message: string }

/** Fails an active job and publishes its end; returns false where it had ended before. */
export async function failJob(tx: Tx, id: string, { code, message }: FailureReason): Promise<boolean> {
  const failed = await endJob(tx, id, { message, errorCode: code, errorMessage: message }, 'failed')
  return publishUndoneJob(tx, failed)
}

/** Cancels an active job and publishes its end; returns false where it had ended before. */
export async function cancelActiveJob(tx: Tx, id: string): Promise<boolean> {
  return publishUndoneJob(tx, await endJob(tx, id, { message: 'canceled' }, 'canceled'))
}

/** Publishes the end of a job without an output, and plans the cleanup of what it may have stored. */
async function publishUndoneJob(tx: Tx, job: Job | null): Promise<boolean> {
  if (job === null) return false
  if (job.hasStored) await insertTasks(tx, [newCleanup(job, 0)])
  await publishProgress(tx, [job])
  return true
}

/**
 * Ends the open tasks of an ended job, except its cleanup, and their assignments: their workers are refused from then
 * on, and stopped. Each in its own transaction, which locks rows in the order in which reports lock them.
 */
export async function endOpenTasks(context: JobsContext, jobId: string): Promise<void> {
  const open = await context.transact((tx) => listOpenTasks(tx, jobId))
  for (const { id, task } of open) if (task !== 'sweep') await context.transact((tx) => endTask(tx, id))
  if (open.length > 0) context.wake('workers')
}

/** Ends a task and its assignment. */
export async function endTask(tx: Tx, id: string): Promise<void> {
  const isEnded = await endAssignment(tx, id)
  await endTasks(tx, [id])
  // Assignments are locked before tasks: a task that was started meanwhile has its assignment only now.
  if (!isEnded) await endAssignment(tx, id)
}

/** Ends the open tasks of jobs whose gateway died after it had ended them. */
export async function endOrphanedTasks(context: JobsContext): Promise<void> {
  const jobIds = await listEndedJobsWithOpenTasks(context.db)
  for (const jobId of jobIds) await endOpenTasks(context, jobId)
}
