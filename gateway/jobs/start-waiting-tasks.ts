import { insertAssignments } from '../workers/store/assignments.ts'
import { countEncodeWorkers } from './capacity.ts'
import type { JobsContext } from './context.ts'
import { JOB_KIND } from './job-worker.ts'
import { publishProgress } from './publish-progress.ts'
import { startJobs } from './store/jobs.ts'
import { findNextDueMs, hasWaitingTask, takeWaitingTasks, tryLockTaskStarts } from './store/tasks.ts'

/** Pause where another gateway is starting tasks, in ms. A hundred that waited for it would exhaust the connections. */
const BUSY_PAUSE_MS = 100

/**
 * Starts waiting tasks while more workers may be launched. Returns in how many ms to look again: where another gateway
 * does this, soon; else when the next task becomes due, or `null`, where no task waits for its time.
 */
export async function startWaitingTasks(context: JobsContext): Promise<number | null> {
  if (!(await hasWaitingTask(context.db))) return null
  const started = await context.transact(async (tx) => {
    if (!(await tryLockTaskStarts(tx))) return null
    const free = context.settings.jobs.maxWorkers - (await countEncodeWorkers(tx))
    if (free <= 0) return []
    const ids = await takeWaitingTasks(tx, free)
    await insertAssignments(tx, JOB_KIND, ids)
    await publishProgress(tx, await startJobs(tx, ids, 'a worker is being started'))
    return ids
  })
  if (started === null) return BUSY_PAUSE_MS
  for (const id of started) context.notifier.notify(id)
  if (started.length > 0) context.wake()
  return findNextDueMs(context.db)
}
