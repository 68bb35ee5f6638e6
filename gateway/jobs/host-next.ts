import type { NextTask } from '../../shared/contract/jobs.ts'
import { deriveWorkerToken } from '../../shared/signing.ts'
import type { Settings } from '../config.ts'
import type { Context, Tx } from '../context.ts'
import { listUnclaimedOf } from '../workers/hosted/store.ts'
import type { Assignment } from '../workers/store.ts'
import { hostWaiting, type Hosted } from './calls/store.ts'
import { countWorkers } from './capacity.ts'
import { JOB_KIND, workerNameOf } from './pod.ts'
import { lockStarts } from './tasks/store.ts'

/** What a worker says of itself: how many tasks more it could take, and whether it is done with the one it speaks of. */
type Room = { readonly room: number; readonly isFree: boolean }

/**
 * Gives waiting tasks to a worker that runs and has room. One that is done with its task takes the next, so that nothing
 * is started for it; one that is at work takes more only where no further worker may be started. The jobs that begin so
 * are yet to be told of.
 */
export async function hostNext(
  tx: Tx,
  { jobs: { maxWorkers, maxConcurrent } }: Pick<Settings, 'jobs'>,
  assignment: Assignment,
  { room, isFree }: Room,
): Promise<Hosted> {
  const most = Math.min(room, maxConcurrent)
  if (most === 0 || assignment.launchedBy === null) return NOTHING
  if (!isFree) {
    await lockStarts(tx)
    if ((await countWorkers(tx)) < maxWorkers) return NOTHING
  }
  return hostWaiting(tx, most, { host: carrierOf(assignment), owner: assignment.launchedBy })
}

const NOTHING: Hosted = { ids: [], started: [] }

/** The tasks that a worker was given, and may not know of. */
export function unclaimedOf({ db }: Pick<Context, 'db'>, assignment: Assignment): Promise<string[]> {
  return listUnclaimedOf(db, carrierOf(assignment))
}

function carrierOf(assignment: Assignment): string {
  return assignment.host ?? workerNameOf(assignment)
}

/** Tasks with the key to each. */
export function withTokens({ keys }: Pick<Settings, 'keys'>, ids: readonly string[]): NextTask[] {
  return ids.map((id) => ({ task_id: id, token: deriveWorkerToken(keys.INTERNAL_API_KEY, JOB_KIND, id) }))
}
