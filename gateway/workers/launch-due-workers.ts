import { parseTraceparent } from '../../shared/trace.ts'
import type { Context } from '../context.ts'
import type { WorkerKind, WorkerLoss } from './worker-kind.ts'
import { LauncherUnavailable, LaunchRefused, type WorkerSpec } from '../ports/launcher.ts'
import { handleWorkerLoss } from './handle-worker-loss.ts'
import { findReusedWorkers, findPlacements } from './store/launched-assignments.ts'
import {
  endAssignment,
  nextLaunchInMs,
  recordLaunch,
  scheduleRelaunch,
  takeDueLaunches,
  type Assignment,
} from './store/assignments.ts'
import { WORKER_LAUNCHES } from './metrics.ts'

/** Launches at a time; others wait for the next run. */
const BATCH = 20

/** Grace of a worker whose record ended during its launch, in ms: it has nothing to finish. */
const UNWANTED_GRACE_MS = 1000

/** Pause before a launch is tried again, in ms: its predecessor still ends, or the launcher is unavailable. */
const BUSY_AGAIN_MS = 500
const UNAVAILABLE_AGAIN_MS = 2000
const LONGEST_AGAIN_MS = 10_000

/**
 * Returns the function that launches the workers that are due, and returns in how many ms the next one is (`null`: none
 * waits). A launch is recorded before and after it. A gateway that dies in between leaves a missing or an unrecorded
 * worker, never two, and the reconciliation finds it.
 */
export function createWorkerLaunches(context: Context, kinds: readonly WorkerKind[]): () => Promise<number | null> {
  const outage: LauncherOutage = { isLogged: false }
  return async () => {
    const due = await takeDueLaunches(context.db, context.launcher.owner, BATCH)
    await Promise.all(due.map((assignment) => launch(context, kinds, assignment, outage)))
    return due.length === BATCH ? 0 : nextLaunchInMs(context.db)
  }
}

/** Whether the current outage of the launcher was logged: launches are tried every few seconds. */
type LauncherOutage = { isLogged: boolean }

async function launch(
  context: Context,
  kinds: readonly WorkerKind[],
  assignment: Assignment,
  outage: LauncherOutage,
): Promise<void> {
  const kind = kinds.find((candidate) => candidate.kind === assignment.kind)
  // A newer gateway may know the kind.
  if (kind === undefined) return
  const spec = await kind.specFor(assignment)
  if (spec === null) {
    await endAssignment(context.db, assignment.id)
    return
  }
  const { metrics } = context
  try {
    const outcome = await callLauncher(context, assignment, spec)
    metrics.count(WORKER_LAUNCHES, { kind: kind.kind, outcome })
    outage.isLogged = false
    if (outcome === 'busy') return await postponeLaunch(context, assignment, BUSY_AGAIN_MS)
  } catch (error) {
    logOutage(context, { assignment, spec }, error, outage)
    return handleLaunchFailure(context, kind, { assignment, spec }, error)
  }
  const isWaitedFor = await recordLaunch(context.db, assignment, context.settings.workerStartupTimeoutMs / 1000)
  context.log.info('worker launched', fieldsOf(context, assignment, spec))
  if (isWaitedFor) return
  // The worker has claimed already, and may work on another task by now; or its record has ended.
  const found = await findPlacements(context.db, [assignment.id])
  if (found.get(assignment.id)?.ended === false) return
  const hosts = await findReusedWorkers(context.db, [spec.name])
  if (!hosts.has(spec.name)) await context.launcher.stop({ name: spec.name }, UNWANTED_GRACE_MS)
}

function logOutage(
  context: Context,
  { assignment, spec }: PendingLaunch,
  error: unknown,
  outage: LauncherOutage,
): void {
  if (!(error instanceof LauncherUnavailable) || outage.isLogged) return
  outage.isLogged = true
  context.log.warn('worker not launched yet', { ...fieldsOf(context, assignment, spec), error })
}

function callLauncher({ launcher, tracer }: Context, assignment: Assignment, spec: WorkerSpec) {
  const parent = parseTraceparent(spec.env['TRACEPARENT'])
  const attributes = { worker: spec.name, attempt: assignment.attempts }
  return tracer.span({ name: 'worker launch', kind: 'client', parent, attributes }, () => launcher.launch(spec))
}

type PendingLaunch = { readonly assignment: Assignment; readonly spec: WorkerSpec }

/** Handles a failed launch: an unavailable launcher costs no attempt, a refused launch is a failed attempt. */
async function handleLaunchFailure(
  context: Context,
  kind: WorkerKind,
  { assignment, spec }: PendingLaunch,
  error: unknown,
): Promise<void> {
  const outcome = error instanceof LauncherUnavailable ? 'unavailable' : 'failed'
  context.metrics.count(WORKER_LAUNCHES, { kind: kind.kind, outcome })
  if (error instanceof LauncherUnavailable) {
    const againMs = Math.min(error.retryAfterMs ?? UNAVAILABLE_AGAIN_MS, LONGEST_AGAIN_MS)
    return postponeLaunch(context, assignment, againMs * (1 + Math.random()))
  }
  context.log.error('worker could not be launched', { ...fieldsOf(context, assignment, spec), error })
  const loss: WorkerLoss = {
    exitCode: -1,
    terminationReason: error instanceof LaunchRefused ? error.reason : 'LaunchFailed',
    message: error instanceof Error ? error.message : String(error),
    workerName: spec.name,
    observedState: 'not_launched',
  }
  return handleWorkerLoss(context, kind, assignment, { loss, isPermanent: false })
}

/** Schedules a launch again, without counting an attempt. */
async function postponeLaunch(context: Context, assignment: Assignment, afterMs: number): Promise<void> {
  await scheduleRelaunch(context.db, assignment, { afterMs, attempts: assignment.attempts - 1 })
}

function fieldsOf({ idFields }: Context, assignment: Assignment, { name }: WorkerSpec): Record<string, unknown> {
  return { ...idFields(assignment.id), worker: name, attempt: assignment.attempts }
}
