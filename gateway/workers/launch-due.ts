import type { Context } from '../context.ts'
import type { WorkerKind } from './kind.ts'
import { loseWorker } from './lose-worker.ts'
import { findAssignment, logId, nextLaunchInMs, takeDueLaunches, type Assignment } from './store.ts'

/** Launches at a time: more wait for the next round. */
const BATCH = 20

/** A worker whose record ended while it was being launched has nothing to finish. */
const UNWANTED_GRACE_MS = 1000

/**
 * Launches the worker of each assignment that is due; gives in how many ms the next one will be (`null`: none waits).
 * An assignment is marked before its worker is launched, so a gateway that dies in between leaves a worker missing,
 * which `settleWorkers` finds, and never two.
 */
export async function launchDue(context: Context, kinds: readonly WorkerKind[]): Promise<number | null> {
  const startupSec = context.settings.workerStartupTimeoutMs / 1000
  const due = await takeDueLaunches(context.db, context.launcher.owner, startupSec, BATCH)
  await Promise.all(due.map((assignment) => launch(context, kinds, assignment)))
  return due.length === BATCH ? 0 : nextLaunchInMs(context.db)
}

async function launch(context: Context, kinds: readonly WorkerKind[], assignment: Assignment): Promise<void> {
  const kind = kinds.find((candidate) => candidate.kind === assignment.kind)
  const spec = await kind?.specFor(context, assignment.id)
  if (kind === undefined || !spec) return
  const fields = { ...logId(assignment), worker: spec.name, attempt: assignment.attempts }
  try {
    await context.launcher.launch(spec)
    context.log.info('worker launched', fields)
  } catch (error) {
    context.log.error('worker could not be launched', { ...fields, error })
    const message = error instanceof Error ? error.message : String(error)
    const loss = { exitCode: -1, terminationReason: 'LaunchFailed', message, workerName: spec.name }
    return loseWorker(context, kind, assignment, loss)
  }
  const now = await findAssignment(context.db, assignment.id)
  if (now === null || now.endedAt !== null) await context.launcher.stop(spec.name, UNWANTED_GRACE_MS)
}
