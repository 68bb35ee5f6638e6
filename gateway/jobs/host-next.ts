import type { NextTask } from '../../shared/contract/jobs.ts'
import { deriveWorkerToken } from '../../shared/signing.ts'
import type { Context, Tx } from '../context.ts'
import { hostAssignment, insertAssignments, listUnclaimedOf, type Assignment } from '../workers/store.ts'
import { countWorkers } from './capacity.ts'
import { JOB_KIND, workerNameOf } from './pod.ts'
import { startJobs } from './store.ts'
import { lockStarts, takeWaiting } from './tasks/store.ts'
import { tell } from './tell.ts'

/** What a worker says of itself: how many tasks more it could take, and whether it is done with the one it speaks of. */
type Room = { readonly room: number; readonly isFree: boolean }

/**
 * Gives waiting tasks to a worker that runs and has room. One that is done with its task takes the next, so that nothing
 * is started for it; one that is at work takes more only where no further worker may be started.
 */
export async function hostNext(
  tx: Tx,
  { settings }: Pick<Context, 'settings'>,
  assignment: Assignment,
  { room, isFree }: Room,
): Promise<void> {
  const { maxWorkers, maxConcurrent } = settings.jobs
  const most = Math.min(room, maxConcurrent)
  if (most === 0 || assignment.launchedBy === null) return
  await lockStarts(tx)
  if (!isFree && (await countWorkers(tx)) < maxWorkers) return
  const tasks = await takeWaiting(tx, most)
  const ids = tasks.map(({ id }) => id)
  await insertAssignments(tx, JOB_KIND, ids)
  const host = assignment.host ?? workerNameOf(assignment)
  for (const id of ids) await hostAssignment(tx, id, host, assignment.launchedBy)
  await tell(tx, await startJobs(tx, ids, 'a worker takes it'))
}

/** The tasks that a worker was given and may not know of, with the key to each. */
export async function nextTasksOf({ db, settings }: Context, assignment: Assignment): Promise<NextTask[]> {
  const ids = await listUnclaimedOf(db, assignment.host ?? workerNameOf(assignment))
  return ids.map((id) => ({
    task_id: id,
    token: deriveWorkerToken(settings.keys.INTERNAL_API_KEY, JOB_KIND, id),
  }))
}
