import type { Context, Tx } from '../context.ts'
import { endAssignment } from '../workers/store.ts'
import { endJob, type Job } from './store.ts'
import { sweepOf } from './sweeps.ts'
import { endTasks, insertTasks, listOpenTasks, listOpenTasksOfEnded } from './tasks/store.ts'
import { tell } from './tell.ts'

/** Why a job did not come to its output. */
export type Failure = { readonly code: string; readonly message: string }

/** Ends an active job as failed, and tells. False where it had ended before. */
export async function failJob(tx: Tx, id: string, { code, message }: Failure): Promise<boolean> {
  return endUndone(tx, await endJob(tx, id, 'failed', { message, errorCode: code, errorMessage: message }))
}

/** Ends an active job as canceled, and tells. False where it had ended before. */
export async function cancel(tx: Tx, id: string): Promise<boolean> {
  return endUndone(tx, await endJob(tx, id, 'canceled', { message: 'canceled' }))
}

async function endUndone(tx: Tx, job: Job | null): Promise<boolean> {
  if (job === null) return false
  if (job.hasStored) await insertTasks(tx, [sweepOf(job, 0)])
  await tell(tx, [job])
  return true
}

/**
 * Ends what tasks a job that has ended has left, and their assignments: their workers are refused from then on, and
 * stopped. Each in a transaction of its own, which locks its rows in the order in which reports do.
 */
export async function endTasksOf(context: Context, jobId: string): Promise<void> {
  const open = await context.transact((tx) => listOpenTasks(tx, jobId))
  for (const { id, task } of open) if (task !== 'sweep') await context.transact((tx) => endTask(tx, id))
  if (open.length > 0) context.wake('workers')
}

/** Ends a task and its assignment. */
export async function endTask(tx: Tx, id: string): Promise<void> {
  const isEnded = await endAssignment(tx, id)
  await endTasks(tx, [id])
  // One that was being started just then has its assignment only now: assignments are locked before tasks.
  if (!isEnded) await endAssignment(tx, id)
}

/** The same for every job whose gateway died between the one and the other. */
export async function endLeftTasks(context: Context): Promise<void> {
  const jobIds = await listOpenTasksOfEnded(context.db)
  for (const jobId of jobIds) await endTasksOf(context, jobId)
}
