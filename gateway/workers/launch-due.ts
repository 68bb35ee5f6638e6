import { readTraceparent } from '../../shared/trace.ts'
import type { Context } from '../context.ts'
import type { WorkerKind, WorkerLoss } from './kind.ts'
import { LauncherUnavailable, LaunchRefused, type WorkerSpec } from './launcher.ts'
import { loseWorker } from './lose-worker.ts'
import { findHosts, findWhereabouts } from './launched/store.ts'
import { logId, nextLaunchInMs, noteLaunched, scheduleRelaunch, takeDueLaunches, type Assignment } from './store.ts'

/** Launches at a time: more wait for the next round. */
const BATCH = 20

/** A worker whose record ended while it was being launched has nothing to finish. */
const UNWANTED_GRACE_MS = 1000

/** How soon a launch is tried again whose predecessor is still on its way out, and one that found nobody there. */
const BUSY_AGAIN_MS = 500
const UNAVAILABLE_AGAIN_MS = 2000
const LONGEST_AGAIN_MS = 10_000

/**
 * Launches the worker of each assignment that is due; gives in how many ms the next one will be (`null`: none waits).
 * An assignment is marked before its worker is launched, and again when it is: a gateway that dies in between leaves
 * a worker missing, or one that is not noted, and `settleWorkers` finds either. There are never two.
 */
export async function launchDue(context: Context, kinds: readonly WorkerKind[]): Promise<number | null> {
  const due = await takeDueLaunches(context.db, context.launcher.owner, BATCH)
  await Promise.all(due.map((assignment) => launch(context, kinds, assignment)))
  return due.length === BATCH ? 0 : nextLaunchInMs(context.db)
}

async function launch(context: Context, kinds: readonly WorkerKind[], assignment: Assignment): Promise<void> {
  const kind = kinds.find((candidate) => candidate.kind === assignment.kind)
  const spec = await kind?.specFor(context, assignment)
  if (kind === undefined || !spec) return
  const { metrics } = context
  try {
    const outcome = await callLauncher(context, assignment, spec)
    metrics.count('tallylight_worker_launches_total', { kind: kind.kind, outcome })
    if (outcome === 'busy') return await postpone(context, assignment, BUSY_AGAIN_MS)
  } catch (error) {
    return noteFailure(context, kind, { assignment, spec }, error)
  }
  const isWaitedFor = await noteLaunched(context.db, assignment, context.settings.workerStartupTimeoutMs / 1000)
  context.log.info('worker launched', fieldsOf(assignment, spec))
  if (isWaitedFor) return
  // It was quick to claim, and may be done and at work on another by now; or its record has ended.
  const found = await findWhereabouts(context.db, [assignment.id])
  if (found.get(assignment.id)?.ended === false) return
  const hosts = await findHosts(context.db, [spec.name])
  if (!hosts.has(spec.name)) await context.launcher.stop({ name: spec.name }, UNWANTED_GRACE_MS)
}

function callLauncher({ launcher, tracer }: Context, assignment: Assignment, spec: WorkerSpec) {
  const parent = readTraceparent(spec.env['TRACEPARENT'])
  const attributes = { worker: spec.name, attempt: assignment.attempts }
  return tracer.span({ name: 'worker launch', kind: 'client', parent, attributes }, () => launcher.launch(spec))
}

type Launching = { readonly assignment: Assignment; readonly spec: WorkerSpec }

/** Who runs the workers may be out of reach for as long as it likes; what it refuses is an attempt that failed. */
async function noteFailure(
  context: Context,
  kind: WorkerKind,
  { assignment, spec }: Launching,
  error: unknown,
): Promise<void> {
  const outcome = error instanceof LauncherUnavailable ? 'unavailable' : 'failed'
  context.metrics.count('tallylight_worker_launches_total', { kind: kind.kind, outcome })
  if (error instanceof LauncherUnavailable) {
    context.log.warn('worker not launched yet', { ...fieldsOf(assignment, spec), error })
    const againMs = Math.min(error.retryAfterMs ?? UNAVAILABLE_AGAIN_MS, LONGEST_AGAIN_MS)
    return postpone(context, assignment, againMs * (1 + Math.random()))
  }
  context.log.error('worker could not be launched', { ...fieldsOf(assignment, spec), error })
  const loss: WorkerLoss = {
    exitCode: -1,
    terminationReason: error instanceof LaunchRefused ? error.reason : 'LaunchFailed',
    message: error instanceof Error ? error.message : String(error),
    workerName: spec.name,
    observedState: 'not_launched',
  }
  return loseWorker(context, kind, assignment, { loss, forGood: false })
}

/** That is no attempt. */
async function postpone(context: Context, assignment: Assignment, afterMs: number): Promise<void> {
  await scheduleRelaunch(context.db, assignment, { afterMs, attempts: assignment.attempts - 1 })
}

function fieldsOf(assignment: Assignment, { name }: WorkerSpec): Record<string, unknown> {
  return { ...logId(assignment), worker: name, attempt: assignment.attempts }
}
