import type { Context } from '../context.ts'
import { insertAssignments } from '../workers/store.ts'
import { countWorkers } from './capacity.ts'
import { failJob, endTasksOf } from './end-job.ts'
import { JOB_KIND } from './pod.ts'
import { listPastDeadline, startJobs } from './store.ts'
import { isAnyWaiting, lockStarts, nextDueInMs, takeWaiting } from './tasks/store.ts'
import { tell } from './tell.ts'

/** Starts waiting tasks while there are workers to be had; gives in how many ms the next will be due (`null`: none known). */
export async function startWaiting(context: Context): Promise<number | null> {
  if (!(await isAnyWaiting(context.db))) return null
  const started = await context.transact(async (tx) => {
    await lockStarts(tx)
    const free = context.settings.jobs.maxWorkers - (await countWorkers(tx))
    if (free <= 0) return []
    const ids = await takeWaiting(tx, free)
    await insertAssignments(tx, JOB_KIND, ids)
    await tell(tx, await startJobs(tx, ids, 'a worker is being started'))
    return ids
  })
  for (const id of started) context.feed.ring(id)
  if (started.length > 0) context.wake()
  return nextDueInMs(context.db)
}

/** Fails the jobs that have run for as long as they may. */
export async function expireJobs(context: Context): Promise<void> {
  for (const id of await listPastDeadline(context.db)) {
    const failure = { code: 'JOB_TIMEOUT', message: 'the job was not done within its timeout_sec' }
    if (!(await context.transact((tx) => failJob(tx, id, failure)))) continue
    context.feed.ring(id)
    await endTasksOf(context, id)
    context.log.warn('job timed out', { job_id: id })
    context.wake()
  }
}
