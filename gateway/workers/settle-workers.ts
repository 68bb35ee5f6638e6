import type { Context } from '../context.ts'
import { reasonLabel } from '../metrics/metrics.ts'
import { judge, type Verdict } from './compare.ts'
import type { WorkerKind, WorkerLoss } from './kind.ts'
import type { LaunchedWorker } from './launcher.ts'
import { loseWorker, nextAfter, type Lost } from './lose-worker.ts'
import {
  findHosts,
  findWhereabouts,
  listLaunched,
  type LaunchedAssignment,
  type Whereabouts,
} from './launched/store.ts'
import { isExpired, logId, noteLaunched, noteRestarts, releaseLaunches, scheduleRelaunch } from './store.ts'

/** What a worker of an ended record has to send its last report and to clean up, in ms. */
const STOP_GRACE_MS = 25_000

/** Differences that are acted on at a time. */
const AT_A_TIME = 10

/** What one comparison found and did, in numbers. */
export type SettleReport = {
  readonly records: number
  readonly workers: number
  /** How often each difference was found: `missing`, `failed`, `adopt`, `zombie`, `orphan`, … */
  readonly found: Readonly<Record<string, number>>
  /** What was left to the next comparison, since time was up. */
  readonly left: number
}

/**
 * Compares what should run with what does, and acts on each difference: a worker that exited, is missing, is silent past
 * its lease, or crashes again and again is lost; one whose record has ended, or that has none, is stopped.
 * Level-triggered: it may run at any time, and in any number of gateways at once. The records are read first: a
 * worker that they know of and that the launcher lists no more is gone, and not about to come.
 * @param signal ends it early; what is left then is found by the next one
 */
export async function settleWorkers(
  context: Context,
  kinds: readonly WorkerKind[],
  signal: AbortSignal,
): Promise<SettleReport> {
  const launched = await listLaunched(context.db, context.settings.workerStartupTimeoutMs / 1000)
  const workers = await context.launcher.list(signal)
  const differences = compare(context, kinds, launched, workers)
  const unwanted = await findUnwanted(context, kinds, launched, workers)
  const acts = [
    ...differences,
    ...unwanted.map(({ name, worker }) => ({ name, act: () => stopUnwanted(context, worker) })),
  ]
  const left = await actOn(acts, signal)
  return { records: launched.length, workers: workers.length, found: countNames(acts), left }
}

type Act = { readonly name: string; readonly act: () => Promise<void> }

function compare(
  context: Context,
  kinds: readonly WorkerKind[],
  launched: readonly LaunchedAssignment[],
  workers: readonly LaunchedWorker[],
): Act[] {
  const { launcher } = context
  // Whoever copies a worker's labels is not that worker: its name is.
  const byName = new Map(workers.map((worker) => [worker.name, worker]))
  const kindOf = ({ kind }: LaunchedAssignment) => kinds.find((candidate) => candidate.kind === kind)
  const heard = new Set(
    launched.flatMap((one) => {
      const kind = isHeardOf(one, launcher.owner) ? kindOf(one) : undefined
      return kind === undefined ? [] : [workerOf(kind, one)]
    }),
  )
  return launched.flatMap((assignment) => {
    const kind = kindOf(assignment)
    if (kind === undefined) return []
    const workerName = workerOf(kind, assignment)
    const worker = assignment.launchedBy === launcher.owner ? byName.get(workerName) : undefined
    const verdict = judge(assignment, worker, { workerName, maxAttempts: kind.attempts.max }, launcher)
    if (verdict.kind === 'fine') return []
    const name = 'loss' in verdict ? verdict.loss.observedState : verdict.kind
    const pair = { assignment, worker, isHeard: heard.has(workerName) }
    return [{ name, act: () => settle(context, kind, pair, verdict) }]
  })
}

function isHeardOf({ launchedBy, claimedAt, expired }: LaunchedAssignment, owner: string): boolean {
  return launchedBy === owner && claimedAt !== null && !expired
}

type Pair = {
  readonly assignment: LaunchedAssignment
  readonly worker: LaunchedWorker | undefined
  /** It reports of another assignment that it carries. */
  readonly isHeard: boolean
}

async function settle(context: Context, kind: WorkerKind, pair: Pair, verdict: Verdict): Promise<void> {
  const { assignment, worker, isHeard } = pair
  switch (verdict.kind) {
    case 'fine':
      return
    case 'adopt':
      return adopt(context, assignment, workerOf(kind, assignment))
    case 'note_restarts':
      return worker === undefined ? undefined : recordRestart(context, assignment, worker, verdict)
    case 'gone_with_gateway':
      return relaunchForeign(context, assignment, workerOf(kind, assignment))
    case 'expired':
      // Time has passed since the records were read: it may have been heard again.
      if (!(await isExpired(context.db, assignment))) return
      // The next epoch keeps it from this assignment; it goes on with others.
      return lose(context, kind, assignment, {
        worker: isHeard ? undefined : worker,
        loss: verdict.loss,
        forGood: false,
      })
    case 'lost': {
      const { forGood, attempts } = verdict
      const loss = await withLastLines(context, worker, verdict.loss)
      return lose(context, kind, { ...assignment, attempts }, { worker, loss, forGood })
    }
  }
}

/**
 * A worker goes before another is launched, which may bear its name. The last one stays until its loss is noted: another
 * gateway would find it missing.
 */
async function lose(
  context: Context,
  kind: WorkerKind,
  lost: LaunchedAssignment,
  { worker, ...how }: Lost & Pick<Pair, 'worker'>,
): Promise<void> {
  const isRelaunched = nextAfter(kind, lost, how.forGood).kind === 'relaunch'
  if (isRelaunched) await endOf(context, worker)
  await loseWorker(context, kind, lost, how)
  if (!isRelaunched) await endOf(context, worker)
}

/** Where that cannot be asked for now, the next comparison finds it again. */
async function endOf(context: Context, worker: LaunchedWorker | undefined): Promise<void> {
  if (worker !== undefined) await context.launcher.stop(worker, 0)
}

async function withLastLines(
  context: Context,
  worker: LaunchedWorker | undefined,
  loss: WorkerLoss,
): Promise<WorkerLoss> {
  if (worker === undefined || (worker.exit?.lastLines.length ?? 0) > 0) return loss
  const lines = await context.launcher.lastLines(worker)
  return lines.length > 0 ? { ...loss, message: lines.join('\n') } : loss
}

async function adopt(context: Context, assignment: LaunchedAssignment, worker: string): Promise<void> {
  const startupSec = context.settings.workerStartupTimeoutMs / 1000
  if (await noteLaunched(context.db, assignment, startupSec)) {
    context.log.info('worker adopted', { ...logId(assignment), worker })
  }
}

async function recordRestart(
  context: Context,
  assignment: LaunchedAssignment,
  worker: LaunchedWorker,
  counts: { readonly restarts: number; readonly attempts: number },
): Promise<void> {
  // One that waits for its next run has no need of time to claim.
  const claimWithinSec = worker.phase === 'restarting' ? 0 : context.settings.workerStartupTimeoutMs / 1000
  const { restarts, attempts } = counts
  if (!(await noteRestarts(context.db, assignment, { restarts, attempts }, claimWithinSec))) return
  const reason = reasonLabel(worker.exit?.reason ?? 'Error')
  context.metrics.count('tallylight_worker_restarts_total', { kind: assignment.kind, reason })
  context.log.warn('worker was started again by its launcher', {
    ...logId(assignment),
    worker: worker.name,
    restarts,
    attempt: attempts,
    exit_code: worker.exit?.code,
    termination_reason: worker.exit?.reason,
  })
}

/** The gateway that had launched this worker is gone, and its workers with it: no fault of theirs, so no attempt. */
async function relaunchForeign(context: Context, assignment: LaunchedAssignment, worker: string): Promise<void> {
  const first = await scheduleRelaunch(context.db, assignment, {
    afterMs: 0,
    attempts: Math.max(0, assignment.attempts - 1),
  })
  if (!first) return
  context.log.warn('worker gone with its gateway; launching another', { ...logId(assignment), worker })
  context.wake()
}

type Unwanted = { readonly name: 'ended' | 'zombie' | 'orphan' | 'superseded'; readonly worker: LaunchedWorker }

/**
 * Workers whose record has ended (long ago: zombies), is not there (orphans), or has another launcher's. What
 * looks so may belong to a record that is younger than what was read of them, or carry another one's by now: the
 * database is asked again, for the records first, since one that ends is followed by the other in one transaction.
 */
async function findUnwanted(
  context: Context,
  kinds: readonly WorkerKind[],
  launched: readonly LaunchedAssignment[],
  workers: readonly LaunchedWorker[],
): Promise<Unwanted[]> {
  const { owner } = context.launcher
  const byKind = new Map(kinds.map((kind) => [kind.kind, kind]))
  const wanted = new Set(
    launched.flatMap((one) => {
      const kind = one.launchedBy === owner ? byKind.get(one.kind) : undefined
      return kind === undefined ? [] : [workerOf(kind, one)]
    }),
  )
  const doubtful = workers.filter((worker) => !wanted.has(worker.name) && !isLeaving(worker))
  const ids = doubtful.map(({ assignmentId }) => assignmentId)
  if (ids.length === 0) return []
  const whereabouts = await findWhereabouts(context.db, ids)
  const hosts = await findHosts(
    context.db,
    doubtful.map(({ name }) => name),
  )
  return doubtful.flatMap((worker): Unwanted[] => {
    if (hosts.has(worker.name)) return []
    const found = whereabouts.get(worker.assignmentId)
    if (found === undefined) return [{ name: 'orphan', worker }]
    const kind = byKind.get(worker.kind)
    if (kind === undefined) return []
    const launch = launchOf(kind, worker, found.launch)
    if (launch === null) return []
    if (found.ended) return [{ name: found.endedLongAgo ? 'zombie' : 'ended', worker }]
    return isSuperseded(found, launch, owner) ? [{ name: 'superseded', worker }] : []
  })
}

/** The name of the worker that carries an assignment. */
function workerOf(kind: WorkerKind, assignment: LaunchedAssignment): string {
  return assignment.host ?? kind.nameOf(assignment)
}

/** Which launch of its assignment a worker is of, by its name; `null`: of none, it only bears the labels. */
function launchOf(kind: WorkerKind, worker: LaunchedWorker, launches: number): number | null {
  const id = worker.assignmentId
  for (let launch = launches; launch > 0; launch--) if (kind.nameOf({ id, launch }) === worker.name) return launch
  return null
}

/** One that waits to be launched again may yet be given the worker that is there. */
function isSuperseded(found: Whereabouts, launch: number, owner: string): boolean {
  if (found.launchedBy === null) return false
  return found.launchedBy !== owner || launch < found.launch
}

/** Told to stop before, unless its node is gone and nobody there will hear of it. */
function isLeaving({ phase, trouble }: LaunchedWorker): boolean {
  return phase === 'stopping' && trouble?.reason !== 'NodeLost'
}

/** A process of ours may take all of its grace, and the comparison does not wait for it. */
async function stopUnwanted({ launcher, log }: Context, worker: LaunchedWorker): Promise<void> {
  const stopping = launcher.stop(worker, worker.phase === 'stopping' ? 0 : STOP_GRACE_MS)
  if (launcher.outlivesGateway) return stopping
  stopping.catch((error: unknown) => log.error('worker could not be stopped', { worker: worker.name, error }))
}

/** Acts on the differences, some at a time; gives how many were left. Each is tried before the first failure is thrown. */
async function actOn(acts: readonly Act[], signal: AbortSignal): Promise<number> {
  const waiting = [...acts]
  const failures: unknown[] = []
  async function work(): Promise<void> {
    while (!signal.aborted) {
      const next = waiting.shift()
      if (next === undefined) return
      await next.act().catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  if (failures.length > 0) throw failures[0]
  return waiting.length
}

function countNames(acts: readonly Act[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { name } of acts) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** At the gateway's end, after its workers': leaves their assignments to the next gateway at once. */
export async function handOver(context: Context): Promise<void> {
  await releaseLaunches(context.db, context.launcher.owner)
}
