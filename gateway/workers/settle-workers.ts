import type { Context } from '../context.ts'
import type { WorkerKind, WorkerLoss } from './kind.ts'
import type { LaunchedWorker, WorkerExit } from './launcher.ts'
import { loseWorker } from './lose-worker.ts'
import {
  listLaunched,
  logId,
  releaseLaunches,
  scheduleRelaunch,
  type Assignment,
  type LaunchedAssignment,
} from './store.ts'

/** What a worker of an ended record has to send its last report and to clean up, in ms. */
const STOP_GRACE_MS = 25_000

/**
 * Compares what should run with what does, and acts on each difference: a worker that exited, is missing, or is silent
 * past its lease is lost; one whose record has ended, or that has none, is stopped. Level-triggered: it may run at any
 * time, and twice at once.
 */
export async function settleWorkers(context: Context, kinds: readonly WorkerKind[]): Promise<void> {
  const workers = await context.launcher.list()
  const launched = await listLaunched(context.db)
  const own = new Set(launched.filter((one) => one.launchedBy === context.launcher.owner).map((one) => one.id))
  const byAssignment = new Map(workers.map((worker) => [worker.assignmentId, worker]))
  for (const assignment of launched) {
    const worker = own.has(assignment.id) ? byAssignment.get(assignment.id) : undefined
    await settle(context, kinds, assignment, worker)
  }
  for (const worker of workers) if (!own.has(worker.assignmentId)) stopUnwanted(context, worker)
}

async function settle(
  context: Context,
  kinds: readonly WorkerKind[],
  assignment: LaunchedAssignment,
  worker: LaunchedWorker | undefined,
): Promise<void> {
  const { launcher } = context
  const kind = kinds.find((candidate) => candidate.kind === assignment.kind)
  if (kind === undefined) return
  const name = kind.nameOf(assignment.id)
  if (worker?.exit) {
    await launcher.stop(name, 0)
    return loseWorker(context, kind, assignment, lossByExit(name, worker.exit))
  }
  if (worker === undefined && !launcher.mayStillRun(assignment.launchedBy)) {
    return relaunchForeign(context, assignment, name)
  }
  if (assignment.expired) {
    await launcher.stop(name, 0)
    return loseWorker(context, kind, assignment, lossByLease(name, assignment))
  }
}

/** The gateway that had launched this worker is gone, and its workers with it: no fault of theirs, so no attempt. */
async function relaunchForeign(context: Context, assignment: Assignment, name: string): Promise<void> {
  const first = await scheduleRelaunch(context.db, assignment, { afterMs: 0, attempts: 0 })
  if (first) context.log.warn('worker gone with its gateway; launching another', { ...logId(assignment), worker: name })
}

function lossByExit(workerName: string, exit: WorkerExit): WorkerLoss {
  const lines = exit.lastLines.join('\n')
  const message = lines === '' ? 'the worker ended without a word' : lines
  return { exitCode: exit.code, terminationReason: exit.reason, message, workerName }
}

function lossByLease(workerName: string, assignment: Assignment): WorkerLoss {
  const claimed = assignment.claimedAt !== null
  return {
    exitCode: -1,
    terminationReason: claimed ? 'LeaseExpired' : 'NeverClaimed',
    message: claimed
      ? 'the worker has not been heard of for its lease'
      : 'the worker did not claim its assignment in time',
    workerName,
  }
}

/** Stopping takes as long as the worker needs to finish; the round does not wait for it. */
function stopUnwanted(context: Context, worker: LaunchedWorker): void {
  if (worker.phase === 'stopping') return
  context.launcher.stop(worker.name, STOP_GRACE_MS).catch((error: unknown) => {
    context.log.error('worker could not be stopped', { worker: worker.name, error })
  })
}

/** At the gateway's end, after its workers': leaves their assignments to the next gateway at once. */
export async function handOver(context: Context): Promise<void> {
  await releaseLaunches(context.db, context.launcher.owner)
}
