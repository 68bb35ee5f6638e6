import type { ObservedState, WorkerLoss } from './kind.ts'
import type { LaunchedWorker, WorkerExit } from './launcher.ts'
import type { LaunchedAssignment } from './launched/store.ts'

/** What a comparison of one assignment that should have a worker with what runs comes to. */
export type Verdict =
  | { readonly kind: 'fine' }
  /** It runs, though the launch was not noted as done: its gateway died in between. */
  | { readonly kind: 'adopt' }
  /** Its launcher has started it again. */
  | { readonly kind: 'note_restarts'; readonly restarts: number; readonly attempts: number }
  /** It went with the gateway that had launched it, which is no fault of its own. */
  | { readonly kind: 'gone_with_gateway' }
  /** Its lease has run out: what does not report does not watch. */
  | { readonly kind: 'expired'; readonly loss: WorkerLoss }
  /** `attempts` were made at it by then. */
  | { readonly kind: 'lost'; readonly loss: WorkerLoss; readonly forGood: boolean; readonly attempts: number }

/** Of the worker that an assignment should have: its name, and how often its like may be run. */
export type Expected = { readonly workerName: string; readonly maxAttempts: number }

/** What is known of a launcher. */
export type LauncherView = { readonly owner: string; mayStillRun(owner: string): boolean }

/** Compares one assignment with its worker, which the launcher listed after the assignment was read. Pure. */
export function judge(
  assignment: LaunchedAssignment,
  worker: LaunchedWorker | undefined,
  { workerName, maxAttempts }: Expected,
  launcher: LauncherView,
): Verdict {
  if (worker !== undefined) return judgePresent(assignment, worker, maxAttempts)
  if (assignment.launchedBy === launcher.owner) return judgeMissing(assignment, workerName)
  if (!launcher.mayStillRun(assignment.launchedBy)) return { kind: 'gone_with_gateway' }
  return assignment.expired ? { kind: 'expired', loss: lossByLease(assignment, workerName, null) } : { kind: 'fine' }
}

function judgePresent(assignment: LaunchedAssignment, worker: LaunchedWorker, maxAttempts: number): Verdict {
  if (worker.phase === 'exited') {
    const observedState = worker.exit?.reason === 'Completed' ? 'succeeded' : 'failed'
    const forGood = assignment.host === null && worker.exit?.givenUp === true
    return { kind: 'lost', loss: lossByExit(worker, observedState), forGood, attempts: assignment.attempts }
  }
  return judgeRestarts(assignment, worker, maxAttempts) ?? judgeLease(assignment, worker)
}

/**
 * `null` where its launcher has nothing to do with how it fares: a run anew is one for the assignment that the worker
 * was launched for, and knows nothing of others that it carried.
 */
function judgeRestarts(assignment: LaunchedAssignment, worker: LaunchedWorker, maxAttempts: number): Verdict | null {
  if (assignment.host !== null) return null
  const restarts = Math.max(worker.restarts, assignment.restarts)
  const attempts = assignment.attempts + restarts - assignment.restarts
  if (worker.phase === 'restarting' && attempts >= maxAttempts) {
    // One more may have begun before anybody looked.
    const counted = Math.min(attempts, maxAttempts)
    return { kind: 'lost', loss: lossByExit(worker, 'crash_looping'), forGood: true, attempts: counted }
  }
  return restarts > assignment.restarts ? { kind: 'note_restarts', restarts, attempts } : null
}

function judgeLease(assignment: LaunchedAssignment, worker: LaunchedWorker): Verdict {
  if (!assignment.expired) return { kind: 'fine' }
  if (assignment.claimedAt === null && !assignment.startupOver) return { kind: 'adopt' }
  // Its launcher may wait for minutes until the next run; a new worker of ours does not.
  if (worker.phase === 'restarting') return { kind: 'expired', loss: lossByExit(worker, 'silent') }
  return { kind: 'expired', loss: lossByLease(assignment, worker.name, worker.trouble) }
}

/** A worker that was there is there no more; one that was not may be about to be created. */
function judgeMissing(assignment: LaunchedAssignment, workerName: string): Verdict {
  const wasThere = assignment.isLaunched || assignment.claimedAt !== null
  if (!wasThere && !assignment.expired) return { kind: 'fine' }
  const loss: WorkerLoss = {
    exitCode: -1,
    terminationReason: 'Missing',
    message: 'the worker is gone, and nobody here has stopped it',
    workerName,
    observedState: 'missing',
  }
  return { kind: 'lost', loss, forGood: false, attempts: assignment.attempts }
}

const NO_WORD: WorkerExit = { code: -1, reason: 'Error', lastLines: [], givenUp: false }

function lossByExit({ name, exit }: LaunchedWorker, observedState: ObservedState): WorkerLoss {
  const { code, reason, lastLines } = exit ?? NO_WORD
  return {
    exitCode: code,
    terminationReason: reason,
    message: lastLines.length > 0 ? lastLines.join('\n') : 'the worker ended without a word',
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
    const message = 'the worker has not been heard of for its lease'
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
