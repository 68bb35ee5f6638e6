import type { Tx } from '../context.ts'
import type { WorkerLoss } from '../workers/kind.ts'
import { failJob } from './end-job.ts'
import { lastWords } from './last-words.ts'
import { lockJob } from './store.ts'
import { sweepAgain } from './sweeps.ts'
import { endTasks, findTask } from './tasks/store.ts'

/** Fails a job of which a task's workers are used up; in the transaction that gave them up. */
export async function failLostTask(tx: Tx, taskId: string, loss: WorkerLoss): Promise<void> {
  const task = await findTask(tx, taskId)
  if (task === null) return
  const job = await lockJob(tx, task.jobId)
  await endTasks(tx, [taskId])
  if (job !== null && task.task === 'sweep') return sweepAgain(tx, job, task)
  const { terminationReason, exitCode } = loss
  const words = lastWords(loss.message)
  const ended = `the worker ended (${terminationReason}, exit code ${exitCode})`
  await failJob(tx, task.jobId, {
    code: terminationReason === 'OOMKilled' ? 'OUT_OF_MEMORY' : 'WORKER_LOST',
    message: words === '' ? ended : `${ended}: ${words}`,
  })
}
