import { LEASE_SEC, type Claim } from '../../shared/contract/assignment.ts'
import type { Settings } from '../config.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { HOSTED_EPOCH } from './hosted/store.ts'
import { findAssignment, logId, raiseEpoch, type Assignment } from './store.ts'

/**
 * A worker's first call: from now on its epoch alone may speak for the assignment, and it learns where to resume. The
 * same claim again, however it came to be sent twice, changes nothing.
 * @param claimant a name that the process has made up for itself
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, or NOT_FOUND for an assignment that never was
 */
export async function claimAssignment(context: Context, id: string, claimant: string): Promise<Claim> {
  return answerClaim(context, { id, claimant }, await raiseEpoch(context.db, id, claimant))
}

/** The same where the claim was counted by a system's own statement: `claimed` is what `claimUpdate` gave. */
export async function answerClaim(
  context: Context,
  { id, claimant }: { readonly id: string; readonly claimant: string },
  claimed: Assignment | null,
): Promise<Claim> {
  const assignment = claimed ?? (await claimedBefore(context, id, claimant))
  if (claimed !== null) logClaim(context, claimed)
  return claimOf(context.settings, assignment)
}

/** The same for an assignment that was claimed by being given to a worker that runs: see `hostedInsert`. */
export function answerHosted(context: Context, hosted: Pick<Assignment, 'kind' | 'id'>): Claim {
  const claimed = { ...hosted, epoch: HOSTED_EPOCH, resume: null }
  logClaim(context, claimed)
  return claimOf(context.settings, claimed)
}

function logClaim({ log }: Context, claimed: Pick<Assignment, 'kind' | 'id' | 'epoch'>): void {
  log.info('worker claimed its assignment', { ...logId(claimed), epoch: claimed.epoch, lease_sec: LEASE_SEC })
}

function claimOf(
  { allowPrivateNetworks, allowAnySite }: Settings,
  { epoch, resume }: Pick<Assignment, 'epoch' | 'resume'>,
): Claim {
  return { epoch, resume, policy: { allow_private_networks: allowPrivateNetworks, allow_any_site: allowAnySite } }
}

async function claimedBefore(context: Context, id: string, claimant: string): Promise<Assignment> {
  const assignment = await findAssignment(context.db, id)
  const isCurrent = assignment?.endedAt === null && assignment.claimants.at(-1) === claimant
  if (isCurrent) return assignment
  throw refusal(assignment)
}

/** Why a call was not counted; `null`: it, or a later one of the same epoch, had been counted before. */
export async function refusalOf(context: Context, id: string, epoch: number): Promise<BrokenRule | null> {
  const assignment = await findAssignment(context.db, id)
  const isCurrent = assignment?.endedAt === null && assignment.epoch === epoch
  return isCurrent ? null : refusal(assignment)
}

function refusal(assignment: Assignment | null): BrokenRule {
  if (assignment === null) return new BrokenRule('NOT_FOUND', 'there is no such assignment')
  if (assignment.endedAt !== null) {
    return new BrokenRule('ASSIGNMENT_ENDED', 'this assignment is over; the worker must stop')
  }
  return new BrokenRule('STALE_EPOCH', `epoch ${assignment.epoch} has the assignment now; the worker must stop`)
}
