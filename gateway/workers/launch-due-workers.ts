import { parseTraceparent } from '../../shared/trace.ts'
import type { Context } from '../context.ts'
import type { WorkerKind, WorkerLoss } from './worker-kind.ts'
import { LauncherUnavailable, LaunchRefused, type WorkerSpec } from '../ports/launcher.ts'
import { handleWorkerLoss } from './handle-worker-loss.ts'
import { findReusedWorkers, findPlacements } from './store/launched-assignments.ts'
import { endAssignment, recordLaunch, scheduleRelaunch, type Assignment } from './store/assignments.ts'
import { nextLaunchInMs, takeDueLaunches } from './store/due-launches.ts'
import { WORKER_LAUNCHES } from './metrics.ts'

/** Launches at a time; others wait for the next run. */
const BATCH = 20

/** Grace of a worker whose record ended during its launch, in ms: it has nothing to finish. */
const UNWANTED_GRACE_MS = 1000

/** Pause before a launch is tried again, in ms: its predecessor still ends, or the launcher or the database is unavailable. */
const BUSY_AGAIN_MS = 500
const UNAVAILABLE_AGAIN_MS = 2000
const LONGEST_AGAIN_MS = 10_000

/**
 * Returns the function that launches the workers that are due, and returns in how many ms the next one is (`null`: none
 * waits). A launch is recorded before and after it. A gateway that dies in between leaves a missing or an unrecorded
 * worker, never two, and the reconciliation finds it.
 */
export function createWorkerLaunches(context: Context, kinds: readonly WorkerKind[]): () => Promise<number | null> {
  const outage: LaunchOutage = { isLogged: false }
  // A newer gateway may know further kinds: it launches their workers.
  const known = kinds.map(({ kind }) => kind)
  return async () => {
    const due = await takeDueLaunches(context.db, { owner: context.launcher.owner, kinds: known, limit: BATCH })
    await Promise.all(due.map((assignment) => launch(context, kinds, assignment, outage)))
    return due.length === BATCH ? 0 : nextLaunchInMs(context.db, known)
  }
}

/** Whether the current outage of the launcher or the database was logged: launches are tried every few seconds. */
type LaunchOutage = { isLogged: boolean }

/** A launch that was taken, and the name of its worker. */
type PendingLaunch = { readonly kind: WorkerKind; readonly assignment: Assignment; readonly name: string }

async function launch(
  context: Context,
  kinds: readonly WorkerKind[],
  assignment: Assignment,
  outage: LaunchOutage,
): Promise<void> {
  const kind = kinds.find((candidate) => candidate.kind === assignment.kind)
  if (kind === undefined) return
  const pending = { kind, assignment, name: kind.nameOf(assignment) }
  try {
    if (!(await startWorker(context, pending, outage))) return
  } catch (error) {
    return handleLaunchFailure(context, pending, error, outage)
  }
  await recordStart(context, pending)
}

/** Starts a worker; returns false where the record is gone, or the worker before still ends. */
async function startWorker(
  context: Context,
  { kind, assignment }: PendingLaunch,
  outage: LaunchOutage,
): Promise<boolean> {
  const spec = await kind.specFor(assignment)
  if (spec === null) {
    await endAssignment(context.db, assignment.id)
    return false
  }
  const outcome = await callLauncher(context, assignment, spec)
  context.metrics.count(WORKER_LAUNCHES, { kind: kind.kind, outcome })
  outage.isLogged = false
  if (outcome === 'busy') await postponeLaunch(context, assignment, BUSY_AGAIN_MS)
  return outcome !== 'busy'
}

async function recordStart(context: Context, pending: PendingLaunch): Promise<void> {
  const { assignment, name } = pending
  const isWaitedFor = await recordLaunch(context.db, assignment, context.settings.workerStartupTimeoutMs / 1000)
  context.log.info('worker launched', fieldsOf(context, pending))
  if (isWaitedFor) return
  // The worker has claimed already, and may work on another task by now; or its record has ended.
  const found = await findPlacements(context.db, [assignment.id])
  if (found.get(assignment.id)?.ended === false) return
  const hosts = await findReusedWorkers(context.db, [name])
  if (!hosts.has(name)) await context.launcher.stop({ name }, UNWANTED_GRACE_MS)
}

function callLauncher({ launcher, tracer }: Context, assignment: Assignment, spec: WorkerSpec) {
  const parent = parseTraceparent(spec.env['TRACEPARENT'])
  const attributes = { worker: spec.name, attempt: assignment.attempts }
  return tracer.span({ name: 'worker launch', kind: 'client', parent, attributes }, () => launcher.launch(spec))
}

/**
 * Handles a failed launch: it costs no attempt where the launcher is unavailable or the database failed, and one where the
 * launch was refused.
 */
async function handleLaunchFailure(
  context: Context,
  pending: PendingLaunch,
  error: unknown,
  outage: LaunchOutage,
): Promise<void> {
  const { kind, assignment, name } = pending
  const againMs = pauseAfter(context, error)
  context.metrics.count(WORKER_LAUNCHES, { kind: kind.kind, outcome: againMs === null ? 'failed' : 'unavailable' })
  if (againMs !== null) {
    if (!outage.isLogged) context.log.warn('worker not launched yet', { ...fieldsOf(context, pending), error })
    outage.isLogged = true
    return postponeLaunch(context, assignment, againMs * (1 + Math.random()))
  }
  context.log.error('worker could not be launched', { ...fieldsOf(context, pending), error })
  const loss: WorkerLoss = {
    exitCode: -1,
    terminationReason: error instanceof LaunchRefused ? error.reason : 'LaunchFailed',
    message: error instanceof Error ? error.message : String(error),
    workerName: name,
    observedState: 'not_launched',
  }
  return handleWorkerLoss(context, kind, assignment, { loss, isPermanent: false })
}

/** Returns the pause until a launch is tried again, in ms; `null` where the launch itself has failed. */
function pauseAfter({ isDatabaseGone, isBrokenOff }: Context, error: unknown): number | null {
  if (error instanceof LauncherUnavailable)
    return Math.min(error.retryAfterMs ?? UNAVAILABLE_AGAIN_MS, LONGEST_AGAIN_MS)
  return isDatabaseGone(error) || isBrokenOff(error) ? UNAVAILABLE_AGAIN_MS : null
}

/** Schedules a launch again, without counting an attempt. */
async function postponeLaunch(context: Context, assignment: Assignment, afterMs: number): Promise<void> {
  await scheduleRelaunch(context.db, assignment, { afterMs, attempts: assignment.attempts - 1 })
}

function fieldsOf({ idFields }: Context, { assignment, name }: PendingLaunch): Record<string, unknown> {
  return { ...idFields(assignment.id), worker: name, attempt: assignment.attempts }
}
