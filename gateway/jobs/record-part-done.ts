import type { ChunkPlan, JobReport } from '../../shared/contract/jobs.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import type { Tx } from '../ports/database.ts'
import { endAssignment } from '../workers/store/assignments.ts'
import { changeAndPublish, changeByReport, readChunksOf } from './change-job.ts'
import { newTaskId } from './ids.ts'
import { outputKeyOf } from './store-keys.ts'
import type { CountedReport } from './store/counted-reports.ts'
import type { Job } from './store/jobs.ts'
import { insertTasks, updateTask } from './store/tasks.ts'

/**
 * Records that a part of a chunked job is done: its split, which inserts the tasks of its chunks, or a chunk, the last
 * of which inserts the task that joins them.
 * @throws BrokenRule INVALID_CONFIG where the task must have an output
 */
export async function recordPartDone(tx: Tx, { job, task }: CountedReport, report: JobReport): Promise<void> {
  const plan = task.task === 'encode' ? report.plan : null
  if (plan === null && task.task !== 'chunk')
    throw new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, 'output is required where a job is done')
  await Promise.all([
    updateTask(tx, task.id, { status: 'ended', progress: 100, fps: null, speed: null }),
    endAssignment(tx, task.id),
  ])
  const chunks = await readChunksOf(tx, job, task)
  const change = changeByReport(job, task, report, chunks)
  if (plan !== null) {
    await changeAndPublish(tx, job, { ...change, plan, message: `split into ${plan.chunks.length} pieces` })
    await insertTasks(tx, newChunkTasks(job, plan))
    return
  }
  await changeAndPublish(tx, job, change)
  if (chunks?.open === 0) await insertTasks(tx, [newPartTask(job, 'join')])
}

/** Returns the tasks of a job's chunks. They are of one age, so that chunks are taken in order. */
function newChunkTasks(job: Job, plan: ChunkPlan) {
  const task = newPartTask(job, 'chunk')
  return plan.chunks.map((chunk) => ({ ...task, id: newTaskId(), chunk, position: chunk.index }))
}

/** Returns a task that is as old as its job: a job that has begun goes before jobs created later. */
function newPartTask<T extends 'chunk' | 'join'>(job: Job, task: T) {
  const { priority } = job
  const dueInSec = Math.min(0, (job.createdAt.getTime() - Date.now()) / 1000)
  return { id: newTaskId(), jobId: job.id, task, priority, outputKey: outputKeyOf(job), dueInSec }
}
