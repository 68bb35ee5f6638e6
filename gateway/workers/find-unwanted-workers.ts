import type { Context } from '../context.ts'
import type { LaunchedWorker } from '../ports/launcher.ts'
import {
  findPlacements,
  findReusedWorkers,
  type LaunchedAssignment,
  type Placement,
} from './store/launched-assignments.ts'
import type { WorkerKind } from './worker-kind.ts'
import { assignedWorkerName, findLaunchNumber } from './worker-names.ts'

/** How long a worker of an ended record may take for its last report and its cleanup, in ms. */
const STOP_GRACE_MS = 25_000

/** A worker that should not run, and why. */
export type UnwantedWorker = {
  readonly name: 'ended' | 'zombie' | 'orphan' | 'superseded'
  readonly worker: LaunchedWorker
}

/**
 * Returns workers whose record has ended (a while ago: zombies), does not exist (orphans), or has another worker. A
 * record may be younger than the list of workers, or its worker reused by now, so the database is queried again: first
 * for records, since one that ends is followed by the reuse of its worker in one transaction.
 */
export async function findUnwantedWorkers(
  context: Context,
  kinds: readonly WorkerKind[],
  launched: readonly LaunchedAssignment[],
  workers: readonly LaunchedWorker[],
): Promise<UnwantedWorker[]> {
  const { owner } = context.launcher
  const byKind = new Map(kinds.map((kind) => [kind.kind, kind]))
  const wanted = new Set(
    launched.flatMap((one) => {
      const kind = one.launchedBy === owner ? byKind.get(one.kind) : undefined
      return kind === undefined ? [] : [assignedWorkerName(kind, one)]
    }),
  )
  const doubtful = workers.filter((worker) => !wanted.has(worker.name) && !isStopping(worker))
  const ids = doubtful.map(({ assignmentId }) => assignmentId)
  if (ids.length === 0) return []
  const placements = await findPlacements(context.db, ids)
  const reused = await findReusedWorkers(
    context.db,
    doubtful.map(({ name }) => name),
  )
  return doubtful.flatMap((worker): UnwantedWorker[] => {
    if (reused.has(worker.name)) return []
    const placement = placements.get(worker.assignmentId)
    if (placement === undefined) return [{ name: 'orphan', worker }]
    const kind = byKind.get(worker.kind)
    if (kind === undefined) return []
    const launch = findLaunchNumber(kind, worker, placement.launch)
    if (launch === null) return []
    if (placement.ended) return [{ name: placement.endedLongAgo ? 'zombie' : 'ended', worker }]
    return isSuperseded(placement, launch, owner) ? [{ name: 'superseded', worker }] : []
  })
}

/** Returns whether a record has another worker. A record that waits for a relaunch may yet adopt this one. */
function isSuperseded(placement: Placement, launch: number, owner: string): boolean {
  if (placement.launchedBy === null) return false
  return placement.launchedBy !== owner || launch < placement.launch
}

/** Returns whether a worker was stopped before. One whose node is lost never receives that, and does not count. */
function isStopping({ phase, trouble }: LaunchedWorker): boolean {
  return phase === 'stopping' && trouble?.reason !== 'NodeLost'
}

/** Stops a worker. A local process may take all of its grace, and the reconciliation does not wait for it. */
export async function stopUnwantedWorker({ launcher, log }: Context, worker: LaunchedWorker): Promise<void> {
  const stopping = launcher.stop(worker, worker.phase === 'stopping' ? 0 : STOP_GRACE_MS)
  if (launcher.outlivesGateway) return stopping
  stopping.catch((error: unknown) => log.error('worker could not be stopped', { worker: worker.name, error }))
}
