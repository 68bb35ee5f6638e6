import type { ObservedState, WorkerLoss } from './worker-kind.ts'
import type { LaunchedWorker, WorkerExit } from '../ports/launcher.ts'
import type { LaunchedAssignment } from './store/launched-assignments.ts'

/** What to do about one assignment that should have a worker, after comparing it with the workers that run. */
export type ReconcileAction =
  | { readonly kind: 'fine' }
  /** Its worker runs, but the launch was not recorded: its gateway died in between. */
  | { readonly kind: 'adopt' }
  /** The launcher has restarted its worker. */
  | { readonly kind: 'note_restarts'; readonly restarts: number; readonly attempts: number }
  /** Its worker ended with the gateway that launched it, which is no fault of the worker. */
  | { readonly kind: 'gone_with_gateway' }
  /** Its lease has expired: a worker that does not report does no work. */
  | { readonly kind: 'expired'; readonly loss: WorkerLoss }
  /** Its worker is lost, after `attempts` attempts. */
  | { readonly kind: 'lost'; readonly loss: WorkerLoss; readonly isPermanent: boolean; readonly attempts: number }

/** The worker that an assignment should have, and how many attempts its kind allows. */
export type ExpectedWorker = { readonly workerName: string; readonly maxAttempts: number }

/** The part of a launcher that the decision needs. */
export type LauncherView = { readonly owner: string; mayStillRun(owner: string): boolean }

/** Decides on one assignment and its worker, which the launcher listed after the assignment was read. Pure. */
export function decideAction(
  assignment: LaunchedAssignment,
  worker: LaunchedWorker | undefined,
  { workerName, maxAttempts }: ExpectedWorker,
  launcher: LauncherView,
): ReconcileAction {
  if (worker !== undefined) return decideForPresent(assignment, worker, maxAttempts)
  if (assignment.launchedBy === launcher.owner) return decideForMissing(assignment, workerName)
  if (!launcher.mayStillRun(assignment.launchedBy)) return { kind: 'gone_with_gateway' }
  return assignment.expired ? { kind: 'expired', loss: lossByLease(assignment, workerName, null) } : { kind: 'fine' }
}

function decideForPresent(
  assignment: LaunchedAssignment,
  worker: LaunchedWorker,
  maxAttempts: number,
): ReconcileAction {
  if (worker.phase === 'exited') {
    const observedState = worker.exit?.reason === 'Completed' ? 'succeeded' : 'failed'
    const isPermanent = assignment.host === null && worker.exit?.givenUp === true
    // The crash of a process that several workers share costs none of them an attempt.
    const attempts = Math.max(0, assignment.attempts - (worker.exit?.wasShared === true ? 1 : 0))
    return { kind: 'lost', loss: lossByExit(worker, observedState), isPermanent, attempts }
  }
  return decideForRestarts(assignment, worker, maxAttempts) ?? decideForLease(assignment, worker)
}

/**
 * Decides on a worker that its launcher restarts; returns `null` where that changes nothing. A restarted process works
 * on the assignment that it was launched for, and not on others that it was given.
 */
function decideForRestarts(
  assignment: LaunchedAssignment,
  worker: LaunchedWorker,
  maxAttempts: number,
): ReconcileAction | null {
  if (assignment.host !== null) return null
  const restarts = Math.max(worker.restarts, assignment.restarts)
  const attempts = assignment.attempts + restarts - assignment.restarts
  if (worker.phase === 'restarting' && attempts >= maxAttempts) {
    // The launcher may have begun one more before this gateway listed it.
    const counted = Math.min(attempts, maxAttempts)
    return { kind: 'lost', loss: lossByExit(worker, 'crash_looping'), isPermanent: true, attempts: counted }
  }
  return restarts > assignment.restarts ? { kind: 'note_restarts', restarts, attempts } : null
}

function decideForLease(assignment: LaunchedAssignment, worker: LaunchedWorker): ReconcileAction {
  if (!assignment.expired) return { kind: 'fine' }
  if (assignment.claimedAt === null && !assignment.startupOver) return { kind: 'adopt' }
  // The launcher's backoff can take minutes; a relaunch does not.
  if (worker.phase === 'restarting') return { kind: 'expired', loss: lossByExit(worker, 'silent') }
  return { kind: 'expired', loss: lossByLease(assignment, worker.name, worker.trouble) }
}

/** Decides on an assignment without a worker: a recorded worker is lost, an unrecorded one may be about to be created. */
function decideForMissing(assignment: LaunchedAssignment, workerName: string): ReconcileAction {
  const wasThere = assignment.isLaunched || assignment.claimedAt !== null
  if (!wasThere && !assignment.expired) return { kind: 'fine' }
  const loss: WorkerLoss = {
    exitCode: -1,
    terminationReason: 'Missing',
    message: 'the worker is gone, and the gateway has not stopped it',
    workerName,
    observedState: 'missing',
  }
  return { kind: 'lost', loss, isPermanent: false, attempts: assignment.attempts }
}

const UNKNOWN_EXIT: WorkerExit = { code: -1, reason: 'Error', lastLines: [], givenUp: false }

function lossByExit({ name, exit }: LaunchedWorker, observedState: ObservedState): WorkerLoss {
  const { code, reason, lastLines } = exit ?? UNKNOWN_EXIT
  return {
    exitCode: code,
    terminationReason: reason,
    message: lastLines.length > 0 ? lastLines.join('\n') : 'the worker ended without a log line',
    workerName: name,
    observedState,
  }
}

function lossByLease(
  assignment: LaunchedAssignment,
  workerName: string,
  trouble: LaunchedWorker['trouble'],
): WorkerLoss {
  if (assignment.claimedAt !== null) {
    const message = 'the worker has not reported for the length of its lease'
    return { exitCode: -1, terminationReason: 'LeaseExpired', message, workerName, observedState: 'silent' }
  }
  const message = 'the worker did not claim its assignment in time'
  return {
    exitCode: -1,
    terminationReason: trouble?.reason ?? 'NeverClaimed',
    message: trouble === null ? message : `${message}: ${trouble.message}`,
    workerName,
    observedState: 'never_claimed',
  }
}
