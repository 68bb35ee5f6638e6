import type { Tx } from '../ports/database.ts'
import type { JobsContext } from './context.ts'
import { newTaskId } from './ids.ts'
import { outputKeyOf, partsKeyOf } from './store-keys.ts'
import type { Job } from './store/jobs.ts'
import { endExhaustedCleanups, insertTasks } from './store/tasks.ts'

/**
 * Pauses before the tries of a cleanup, doubling from the first to the longest. A worker that is stopped removes what
 * it has stored itself, so the first try comes later; a store may be unreachable for days.
 */
const FIRST_PAUSE_SEC = 10
const LONGEST_PAUSE_SEC = 3600
/** About four days of tries. */
const MAX_TRIES = 100

/** Jobs to the same place wait for the first try, so it goes before every job; later tries block no job. */
const FIRST_PRIORITY = 1000
const LATER_PRIORITY = -1000

/**
 * Returns the task that removes what a job has left in its store, after `tries` tries. A completed job leaves its
 * chunks only, which lie beside its output and block no other job.
 */
export function newCleanup(job: Pick<Job, 'id' | 'storage' | 'path' | 'status'>, tries: number) {
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

/** Plans the next try of a cleanup that failed, as a task of its own: it occupies no worker until it is due. */
export async function retryCleanup(tx: Tx, job: Job, { position }: { readonly position: number }): Promise<void> {
  await insertTasks(tx, [newCleanup(job, position + 1)])
}

/** Ends the cleanups that have failed for days; an operator has to remove what is left. */
export async function giveUpCleanups({ db, log }: Pick<JobsContext, 'db' | 'log'>): Promise<void> {
  for (const { jobId, outputKey } of await endExhaustedCleanups(db, MAX_TRIES)) {
    const fields = { job_id: jobId, output: outputKey, parts_key: partsKeyOf(jobId) }
    log.error('cleanup of a job given up; remove its files from the store', fields)
  }
}
