import { insertAssignments } from '../workers/store/assignments.ts'
import { countEncodeWorkers } from './capacity.ts'
import type { JobsContext } from './context.ts'
import { JOB_KIND } from './job-worker.ts'
import { publishProgress } from './publish-progress.ts'
import { startJobs } from './store/jobs.ts'
import { findNextDueMs, hasWaitingTask, lockTaskStarts, takeWaitingTasks } from './store/tasks.ts'

/**
 * Starts waiting tasks while more workers may be launched. Returns in how many ms the next task becomes due; `null`: no
 * task waits for its time.
 */
export async function startWaitingTasks(context: JobsContext): Promise<number | null> {
  if (!(await hasWaitingTask(context.db))) return null
  const started = await context.transact(async (tx) => {
    await lockTaskStarts(tx)
    const free = context.settings.jobs.maxWorkers - (await countEncodeWorkers(tx))
    if (free <= 0) return []
    const ids = await takeWaitingTasks(tx, free)
    await insertAssignments(tx, JOB_KIND, ids)
    await publishProgress(tx, await startJobs(tx, ids, 'a worker is being started'))
    return ids
  })
  for (const id of started) context.notifier.notify(id)
  if (started.length > 0) context.wake()
  return findNextDueMs(context.db)
}
