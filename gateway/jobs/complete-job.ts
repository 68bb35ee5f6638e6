import type { Tx } from '../ports/database.ts'
import { findAssignment } from '../workers/store/assignments.ts'
import { newCleanup } from './cleanups.ts'
import { createCompleteInBatches } from './complete-in-batches.ts'
import type { JobsContext } from './context.ts'
import { handOverNext } from './hand-over-next.ts'
import { enqueueEndWebhook } from './publish-progress.ts'
import type { RecordedReport } from './recorded-report.ts'
import { completeJobs, type Completion } from './store/completions.ts'
import { findJob } from './store/jobs.ts'
import { insertTasks } from './store/tasks.ts'

/**
 * Completes the job of a report; `null`: the report does not count, or its task is not the last one of an active job.
 */
export type CompleteJob = (completion: Completion) => Promise<RecordedReport | null>

/**
 * Returns the completion of jobs in one process. Every job is completed by the same statement (`completeJobs`): most of
 * them in batches, the others alone, in a transaction with what follows from their completion.
 */
export function createCompleteJob(context: JobsContext): CompleteJob {
  const completeInBatches = createCompleteInBatches(context)
  return async (completion) => {
    const completed = await completeInBatches(completion)
    if (completed === null) return context.transact((tx) => completeAlone(tx, context, completion))
    const job = { id: completed.jobId, status: 'completed', plan: null, callbackUrl: null } as const
    return { job, outcome: 'job_ended', next: completed.next }
  }
}

/** Completes one job, publishes its webhook, and plans the cleanup of its chunks, which its worker takes next. */
async function completeAlone(
  tx: Tx,
  { settings }: JobsContext,
  { taskId, report }: Completion,
): Promise<RecordedReport | null> {
  const [completed] = await completeJobs(tx, [{ taskId, report, room: 0 }], 'any')
  if (!completed) return null
  const job = await findJob(tx, completed.jobId)
  const assignment = await findAssignment(tx, taskId)
  if (job === null || assignment === null) throw new Error(`job ${completed.jobId} was completed and does not exist`)
  await enqueueEndWebhook(tx, job)
  // A task of its own, which the death of the reporting worker cannot lose.
  if (job.plan !== null) await insertTasks(tx, [newCleanup(job, 0)])
  return { job, outcome: 'job_ended', next: await handOverNext(tx, settings, assignment, report) }
}
