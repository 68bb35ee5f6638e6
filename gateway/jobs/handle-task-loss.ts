import type { Tx } from '../ports/database.ts'
import { crashReason } from '../workers/crash-reason.ts'
import type { WorkerLoss } from '../workers/worker-kind.ts'
import { retryCleanup } from './cleanups.ts'
import { failJob } from './end-job.ts'
import { lockJob } from './store/jobs.ts'
import { endTasks, findTask } from './store/tasks.ts'

/**
 * Fails the job of a task that has lost its last worker, in the transaction that ends its assignment. A cleanup is
 * retried later instead.
 */
export async function handleTaskLoss(tx: Tx, taskId: string, loss: WorkerLoss): Promise<void> {
  const task = await findTask(tx, taskId)
  if (task === null) return
  const job = await lockJob(tx, task.jobId)
  await endTasks(tx, [taskId])
  if (job !== null && task.task === 'sweep') return retryCleanup(tx, job, task)
  const { terminationReason, exitCode } = loss
  const reason = crashReason(loss.message)
  const ended = `the worker ended (${terminationReason}, exit code ${exitCode})`
  await failJob(tx, task.jobId, {
    code: terminationReason === 'OOMKilled' ? 'OUT_OF_MEMORY' : 'WORKER_LOST',
    message: reason === '' ? ended : `${ended}: ${reason}`,
  })
}
