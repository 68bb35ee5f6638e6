import type { Context } from '../context.ts'
import type { ReadDueTime } from '../database/due-times.ts'
import { LauncherUnavailable } from '../ports/launcher.ts'
import type { WakeReasons } from '../scheduler/wake-reasons.ts'
import { RECONCILE_DURATION, RECONCILE_FOUND, RECONCILE_LAST_SUCCESS } from './metrics.ts'
import { reconcileWorkers, type ReconcileReport } from './reconcile-workers.ts'
import { renewLeases } from './store/assignments.ts'
import type { WorkerKind } from './worker-kind.ts'

/** Shortest time between two reconciliations that expired leases request, in ms. */
const LEASE_INTERVAL_MS = 2000

/** The pause after a reconciliation is four times its duration, within these, in ms. */
const SHORTEST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 2000

export type Reconciler = {
  /**
   * Reconciles where it is due: requested, a lease has expired, or the interval is over. Returns in how many ms it should
   * be called again.
   */
  reconcileIfDue(reasons: WakeReasons): Promise<number>
  /** Reconciles now. */
  reconcile(): Promise<ReconcileReport>
}

/** The state of a reconciler between runs: plain data. */
export type ReconcilerMemory = {
  /** A reconciliation was requested, or the last one did not finish. */
  isRequested: boolean
  /** The database or the API server was unreachable: workers may have called in vain. */
  hadOutage: boolean
  runs: number
  endedMs: number
  durationMs: number
}

/** Returns the memory of a reconciler that has not run. */
export function createReconcilerMemory(): ReconcilerMemory {
  return {
    isRequested: true,
    hadOutage: false,
    runs: 0,
    endedMs: -Infinity,
    durationMs: 0,
  }
}

/** `leaseDue` reads when the first lease of a worker expires. */
export type ReconcilerParts = { readonly memory: ReconcilerMemory; readonly leaseDue: ReadDueTime }

/** Creates the reconciler of one gateway, which decides when workers are compared with records. */
export function createReconciler(
  context: Context,
  kinds: readonly WorkerKind[],
  { memory, leaseDue }: ReconcilerParts,
): Reconciler {
  const { reconcileIntervalMs } = context.settings

  async function run(): Promise<ReconcileReport> {
    const startedMs = performance.now()
    memory.isRequested = false
    try {
      if (memory.hadOutage) await renewLeases(context.db)
      memory.hadOutage = false
      const report = await reconcileInTrace(context, kinds)
      memory.isRequested ||= report.left > 0
      recordRun(context, report, { ms: performance.now() - startedMs, isFirst: memory.runs === 0 })
      memory.runs++
      memory.endedMs = performance.now()
      memory.durationMs = memory.endedMs - startedMs
      return report
    } catch (error) {
      memory.isRequested = true
      // The scheduler decides on the pause after a failure.
      memory.endedMs = -Infinity
      throw error
    }
  }

  const reconcile = shareConcurrentCalls(run)

  async function runIfDue(reasons: WakeReasons): Promise<number> {
    const nowMs = performance.now()
    memory.isRequested ||= reasons.workers || reasons.everything
    const nextMs = memory.isRequested ? 0 : nextInMs(memory, await leaseDue(), reconcileIntervalMs)
    if (nextMs > 0) return nextMs
    memory.isRequested = true
    const pauseMs = Math.min(Math.max(4 * memory.durationMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS)
    const waitMs = memory.endedMs + pauseMs - nowMs
    if (waitMs > 0 && !reasons.everything) return waitMs
    await reconcile()
    return LEASE_INTERVAL_MS
  }

  return {
    reconcile,
    async reconcileIfDue(reasons) {
      try {
        return await runIfDue(reasons)
      } catch (error) {
        // A gateway that is not ready without the API server receives no calls of workers either.
        memory.hadOutage ||= error instanceof LauncherUnavailable || context.isDatabaseGone(error)
        throw error
      }
    },
  }
}

/** Returns in how many ms a reconciliation is due without a request: the interval is over, or a lease has expired. */
function nextInMs({ endedMs }: ReconcilerMemory, leaseMs: number | null, intervalMs: number): number {
  const sinceMs = performance.now() - endedMs
  return Math.min(intervalMs - sinceMs, Math.max(leaseMs ?? Infinity, LEASE_INTERVAL_MS - sinceMs))
}

/** Returns a function whose concurrent calls share one run of `work`. */
function shareConcurrentCalls<T>(work: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | null = null
  return () => {
    current ??= work().finally(() => {
      current = null
    })
    return current
  }
}

function reconcileInTrace(context: Context, kinds: readonly WorkerKind[]): Promise<ReconcileReport> {
  const signal = AbortSignal.timeout(context.settings.reconcileTimeoutMs)
  return context.tracer.span({ name: 'reconcile', kind: 'internal', parent: null }, () =>
    reconcileWorkers(context, kinds, signal),
  )
}

type RunFacts = { readonly ms: number; readonly isFirst: boolean }

function recordRun(context: Context, report: ReconcileReport, facts: RunFacts): void {
  measureRun(context, report, facts.ms)
  logRun(context, report, facts)
}

function measureRun({ metrics }: Context, { found, left }: ReconcileReport, ms: number): void {
  metrics.observe(RECONCILE_DURATION, {}, ms / 1000)
  if (left === 0) metrics.set(RECONCILE_LAST_SUCCESS, {}, Date.now() / 1000)
  for (const [finding, times] of Object.entries(found)) metrics.count(RECONCILE_FOUND, { finding }, times)
}

/** Logs one line that sums up a run, at debug level where nothing was found. */
function logRun({ log }: Context, { records, workers, found, left }: ReconcileReport, { ms, isFirst }: RunFacts): void {
  const isQuiet = Object.keys(found).length === 0 && !isFirst
  log[isQuiet ? 'debug' : 'info']('workers reconciled', { records, workers, ...found, left, ms: Math.round(ms) })
}
