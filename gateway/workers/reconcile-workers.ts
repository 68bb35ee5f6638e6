import type { Context } from '../context.ts'
import type { LaunchedWorker } from '../ports/launcher.ts'
import { applyAction } from './apply-action.ts'
import { decideAction } from './decide-action.ts'
import { findUnwantedWorkers, stopUnwantedWorker } from './find-unwanted-workers.ts'
import { releaseLaunches } from './store/assignments.ts'
import { listLaunched, type LaunchedAssignment } from './store/launched-assignments.ts'
import type { WorkerKind } from './worker-kind.ts'
import { assignedWorkerName } from './worker-names.ts'

/** Differences that are handled at a time. */
const CONCURRENCY = 10

/** What one reconciliation found and did, in numbers. */
export type ReconcileReport = {
  readonly records: number
  readonly workers: number
  /** How often each difference was found: `missing`, `failed`, `adopt`, `zombie`, `orphan`, … */
  readonly found: Readonly<Record<string, number>>
  /** Differences that are left to the next reconciliation, since time was up. */
  readonly left: number
}

/** One difference, by its name, and what to do about it. */
type ReconcileStep = { readonly name: string; readonly run: () => Promise<void> }

/**
 * Compares records with workers and acts on each difference. It is level-triggered: it may run at any time, and in several
 * gateways at once. The records are read first, so a recorded worker that the launcher does not list is gone.
 * @param signal ends it early; the next reconciliation finds what is left
 */
export async function reconcileWorkers(
  context: Context,
  kinds: readonly WorkerKind[],
  signal: AbortSignal,
): Promise<ReconcileReport> {
  const launched = await listLaunched(context.db, context.settings.workerStartupTimeoutMs / 1000)
  const workers = await context.launcher.list(signal)
  const differences = findDifferences(context, kinds, launched, workers)
  const unwanted = await findUnwantedWorkers(context, kinds, launched, workers)
  const steps: ReconcileStep[] = [
    ...differences,
    ...unwanted.map(({ name, worker }) => ({ name, run: () => stopUnwantedWorker(context, worker) })),
  ]
  const left = await runSteps(steps, signal)
  return { records: launched.length, workers: workers.length, found: countNames(steps), left }
}

function findDifferences(
  context: Context,
  kinds: readonly WorkerKind[],
  launched: readonly LaunchedAssignment[],
  workers: readonly LaunchedWorker[],
): ReconcileStep[] {
  const { launcher } = context
  // By name: another Pod may carry a copy of a worker's labels.
  const byName = new Map(workers.map((worker) => [worker.name, worker]))
  const kindOf = ({ kind }: LaunchedAssignment) => kinds.find((candidate) => candidate.kind === kind)
  const reporting = new Set(
    launched.flatMap((one) => {
      const kind = isReporting(one, launcher.owner) ? kindOf(one) : undefined
      return kind === undefined ? [] : [assignedWorkerName(kind, one)]
    }),
  )
  return launched.flatMap((assignment) => {
    const kind = kindOf(assignment)
    if (kind === undefined) return []
    const workerName = assignedWorkerName(kind, assignment)
    const worker = assignment.launchedBy === launcher.owner ? byName.get(workerName) : undefined
    const action = decideAction(assignment, worker, { workerName, maxAttempts: kind.attempts.max }, launcher)
    if (action.kind === 'fine') return []
    const name = 'loss' in action ? action.loss.observedState : action.kind
    const assigned = { assignment, worker, isReporting: reporting.has(workerName) }
    return [{ name, run: () => applyAction(context, kind, assigned, action) }]
  })
}

function isReporting({ launchedBy, claimedAt, expired }: LaunchedAssignment, owner: string): boolean {
  return launchedBy === owner && claimedAt !== null && !expired
}

/** Runs steps, some at a time; returns how many were left. Every step is tried before the first failure is thrown. */
async function runSteps(steps: readonly ReconcileStep[], signal: AbortSignal): Promise<number> {
  const waiting = [...steps]
  const failures: unknown[] = []
  async function work(): Promise<void> {
    while (!signal.aborted) {
      const next = waiting.shift()
      if (next === undefined) return
      await next.run().catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  if (failures.length > 0) throw failures[0]
  return waiting.length
}

function countNames(steps: readonly ReconcileStep[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { name } of steps) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Releases the assignments of this gateway's workers to the next gateway; to be called after the workers have ended. */
export async function releaseAssignments(context: Context): Promise<void> {
  await releaseLaunches(context.db, context.launcher.owner)
}
