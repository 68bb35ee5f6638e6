import { LEASE_SEC, type Claim } from '../../shared/contract/assignment.ts'
import type { Context } from '../context.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import type { DbOrTx } from '../ports/database.ts'
import { REUSED_EPOCH } from './store/reused-workers.ts'
import { findAssignment, raiseEpoch, type Assignment } from './store/assignments.ts'
import type { Settings } from '../settings/settings.ts'
import { workerPolicyOf } from '../settings/worker-policy.ts'

/**
 * Claims an assignment for a worker: only its epoch is accepted from now on, and the answer holds what it resumes from. A
 * repeated claim changes nothing.
 * @param claimant a name that the process generates for itself
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, or NOT_FOUND where there is no such assignment
 */
export async function claimAssignment(context: Context, id: string, claimant: string): Promise<Claim> {
  return answerClaim(context, { id, claimant }, await raiseEpoch(context.db, id, claimant))
}

/** Answers a claim that a system's own statement has counted; `claimed` is the row of `claimQuery`, or `null`. */
export async function answerClaim(
  context: Context,
  { id, claimant }: { readonly id: string; readonly claimant: string },
  claimed: Assignment | null,
): Promise<Claim> {
  const assignment = claimed ?? (await findEarlierClaim(context, id, claimant))
  if (claimed !== null) logClaim(context, claimed)
  return presentClaim(context.settings, assignment)
}

/** Answers for an assignment that was handed over to a running worker, and is claimed by that. */
export function answerReusedClaim(context: Context, reused: Pick<Assignment, 'kind' | 'id'>): Claim {
  const claimed = { ...reused, epoch: REUSED_EPOCH, resume: null }
  logClaim(context, claimed)
  return presentClaim(context.settings, claimed)
}

function logClaim({ log, idFields }: Context, claimed: Pick<Assignment, 'kind' | 'id' | 'epoch'>): void {
  log.info('worker claimed its assignment', { ...idFields(claimed.id), epoch: claimed.epoch, lease_sec: LEASE_SEC })
}

function presentClaim(settings: Settings, { epoch, resume }: Pick<Assignment, 'epoch' | 'resume'>): Claim {
  return { epoch, resume, policy: workerPolicyOf(settings) }
}

async function findEarlierClaim(context: Context, id: string, claimant: string): Promise<Assignment> {
  const assignment = await findAssignment(context.db, id)
  const isCurrent = assignment?.endedAt === null && assignment.claimants.at(-1) === claimant
  if (isCurrent) return assignment
  throw refusalFor(assignment)
}

/** Where the epoch of a call is read: the pool, or a transaction. */
type CallReader = { readonly db: DbOrTx }

/** Returns why a call was not counted; `null`: it, or a later one of its epoch, had been counted before. */
export async function findRefusal({ db }: CallReader, id: string, epoch: number): Promise<BrokenRule | null> {
  const assignment = await findAssignment(db, id)
  const isCurrent = assignment?.endedAt === null && assignment.epoch === epoch
  return isCurrent ? null : refusalFor(assignment)
}

/**
 * Refuses a call of another epoch than the current one, or of an assignment that has ended.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function requireCurrentEpoch(reader: CallReader, id: string, epoch: number): Promise<void> {
  const refusal = await findRefusal(reader, id, epoch)
  if (refusal !== null) throw refusal
}

function refusalFor(assignment: Assignment | null): BrokenRule {
  if (assignment === null) return new BrokenRule(KERNEL_ERRORS.NOT_FOUND, 'there is no such assignment')
  if (assignment.endedAt !== null) {
    return new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'this assignment is over; the worker must stop')
  }
  return new BrokenRule(
    KERNEL_ERRORS.STALE_EPOCH,
    `epoch ${assignment.epoch} has the assignment now; the worker must stop`,
  )
}
