import type { Asked } from '../asked.ts'
import type { Context } from '../context.ts'
import type { WorkerKind } from './kind.ts'
import { LauncherUnavailable } from './launcher.ts'
import { settleWorkers, type SettleReport } from './settle-workers.ts'
import { hasExpiredLease, renewLeases } from './store.ts'

/** How often leases are looked through: one that has run out asks for a comparison. */
const LEASES_EVERY_MS = 2000

/** After a comparison the next one waits four times as long as that took, within these. */
const SHORTEST_REST_MS = 250
const LONGEST_REST_MS = 2000

export type Reconciler = {
  /**
   * Compares records with workers where it is time to: asked for, a lease has run out, or none for the interval. Gives
   * in how many ms it wants to be called again.
   */
  round(asked: Asked): Promise<number>
  /** Compares now. */
  pass(): Promise<SettleReport>
}

/** What a reconciler remembers: when it last looked, and what it could not see to. */
export type ReconcilerMemory = {
  /** Somebody asked for a comparison, or the last one did not get through. */
  wanted: boolean
  /** The database or the API server was gone: workers may have called in vain. */
  deaf: boolean
  passes: number
  passEndedMs: number
  passTookMs: number
  leasesSeenMs: number
}

export function createReconcilerMemory(): ReconcilerMemory {
  return {
    wanted: true,
    deaf: false,
    passes: 0,
    passEndedMs: -Infinity,
    passTookMs: 0,
    leasesSeenMs: -Infinity,
  }
}

/** Decides when what runs is compared with what should run. The list decides what is done; all else only asks for one. */
export function createReconciler(context: Context, kinds: readonly WorkerKind[], memory: ReconcilerMemory): Reconciler {
  const { reconcileIntervalMs } = context.settings

  async function pass(): Promise<SettleReport> {
    const startedMs = performance.now()
    memory.wanted = false
    try {
      if (memory.deaf) await renewLeases(context.db)
      memory.deaf = false
      const report = await compareOnce(context, kinds)
      memory.wanted ||= report.left > 0
      told(context, report, { ms: performance.now() - startedMs, isFirst: memory.passes === 0 })
      memory.passes++
      memory.passEndedMs = performance.now()
      memory.passTookMs = memory.passEndedMs - startedMs
      return report
    } catch (error) {
      memory.wanted = true
      // How long to rest after a failure is the piece's to say.
      memory.passEndedMs = -Infinity
      throw error
    }
  }

  const share = shared(pass)

  async function isDue(nowMs: number): Promise<boolean> {
    if (memory.wanted || nowMs - memory.passEndedMs >= reconcileIntervalMs) return true
    if (nowMs - memory.leasesSeenMs < LEASES_EVERY_MS) return false
    memory.leasesSeenMs = nowMs
    return hasExpiredLease(context.db)
  }

  async function passIfDue(asked: Asked): Promise<number> {
    const nowMs = performance.now()
    memory.wanted ||= asked.workers || asked.everything
    memory.wanted = await isDue(nowMs)
    if (!memory.wanted) return LEASES_EVERY_MS
    const restMs = Math.min(Math.max(4 * memory.passTookMs, SHORTEST_REST_MS), LONGEST_REST_MS)
    const waitMs = memory.passEndedMs + restMs - nowMs
    if (waitMs > 0 && !asked.everything) return waitMs
    await share()
    return LEASES_EVERY_MS
  }

  return {
    pass: share,
    async round(asked) {
      try {
        return await passIfDue(asked)
      } catch (error) {
        // Gateways that are not ready for want of the API server are not found by workers either.
        memory.deaf ||= error instanceof LauncherUnavailable || context.isDatabaseGone(error)
        throw error
      }
    },
  }
}

/** Whoever asks while one is under way shares it. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null
  return () => {
    underWay ??= work().finally(() => {
      underWay = null
    })
    return underWay
  }
}

function compareOnce(context: Context, kinds: readonly WorkerKind[]): Promise<SettleReport> {
  const signal = AbortSignal.timeout(context.settings.reconcileTimeoutMs)
  return context.tracer.span({ name: 'reconcile', kind: 'internal', parent: null }, () =>
    settleWorkers(context, kinds, signal),
  )
}

type How = { readonly ms: number; readonly isFirst: boolean }

function told(context: Context, report: SettleReport, how: How): void {
  countPass(context, report, how.ms)
  logPass(context, report, how)
}

function countPass({ metrics }: Context, { found, left }: SettleReport, ms: number): void {
  metrics.observe('tallylight_reconcile_duration_seconds', {}, ms / 1000)
  if (left === 0) metrics.set('tallylight_reconcile_last_success_timestamp_seconds', {}, Date.now() / 1000)
  for (const [finding, times] of Object.entries(found)) {
    metrics.count('tallylight_reconcile_found_total', { finding }, times)
  }
}

/** One line sums up what was found and done; where that is nothing, only whoever debugs wants to read it. */
function logPass({ log }: Context, { records, workers, found, left }: SettleReport, { ms, isFirst }: How): void {
  const quiet = Object.keys(found).length === 0 && !isFirst
  log[quiet ? 'debug' : 'info']('workers reconciled', { records, workers, ...found, left, ms: Math.round(ms) })
}
