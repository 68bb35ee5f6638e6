import { newTaskId } from '../../shared/ids.ts'
import type { Context, Tx } from '../context.ts'
import { outputKeyOf, partsKeyOf } from './store-keys.ts'
import type { Job } from './store.ts'
import { endSweepsTried, insertTasks } from './tasks/store.ts'

/**
 * The pauses before a sweep's tries, doubling from the first to the longest. A worker that was told to stop removes what
 * it has stored by itself, so that whoever looks after it comes later; a store may be away for days.
 */
const FIRST_PAUSE_SEC = 10
const LONGEST_PAUSE_SEC = 3600
/** Some four days in all. */
const MAX_TRIES = 100

/** The first try goes ahead of every job, since jobs to the same place wait for it; the others keep nobody waiting. */
const FIRST_PRIORITY = 1000
const LATER_PRIORITY = -1000

/**
 * The task that removes what a job has left in its store, after so many that could not. Of a completed one that is what
 * lies beside its output, which is at once in nobody's way.
 */
export function sweepOf(job: Pick<Job, 'id' | 'storage' | 'path' | 'status'>, tries: number) {
  const isCompleted = job.status === 'completed'
  const pauseSec = Math.min(FIRST_PAUSE_SEC * 2 ** tries, LONGEST_PAUSE_SEC)
  return {
    id: newTaskId(),
    jobId: job.id,
    task: 'sweep',
    priority: tries === 0 ? FIRST_PRIORITY : LATER_PRIORITY,
    outputKey: outputKeyOf(isCompleted ? { ...job, path: partsKeyOf(job.id) } : job),
    dueInSec: isCompleted && tries === 0 ? 0 : pauseSec,
    position: tries,
  } as const
}

/** Has a sweep that could not be done tried again, by a task of its own: in between it takes up no worker. */
export async function sweepAgain(tx: Tx, job: Job, { position }: { readonly position: number }): Promise<void> {
  await insertTasks(tx, [sweepOf(job, position + 1)])
}

/** Gives up the sweeps that were tried for days: what is left is for people to remove. */
export async function giveUpSweeps({ db, log }: Pick<Context, 'db' | 'log'>): Promise<void> {
  for (const { jobId, outputKey } of await endSweepsTried(db, MAX_TRIES)) {
    const fields = { job_id: jobId, output: outputKey, parts_key: partsKeyOf(jobId) }
    log.error('what a job has left in its store could not be removed', fields)
  }
}
