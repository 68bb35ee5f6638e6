import { LEASE_SEC, type Claim } from '../../shared/contract/assignment.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { findAssignment, raiseEpoch } from './store.ts'

/**
 * A worker's first call: from now on its epoch alone may speak for the assignment, and it learns where to resume.
 * @throws BrokenRule ASSIGNMENT_ENDED, or NOT_FOUND for an assignment that never was
 */
export async function claimAssignment(context: Context, id: string): Promise<Claim> {
  const claimed = await raiseEpoch(context.db, id)
  if (claimed === null) throw await refusalOf(context, id, null)
  context.log.info('worker claimed its assignment', { assignment_id: id, epoch: claimed.epoch, lease_sec: LEASE_SEC })
  const { allowPrivateNetworks, allowAnySite } = context.settings
  return { ...claimed, policy: { allow_private_networks: allowPrivateNetworks, allow_any_site: allowAnySite } }
}

/** Why a call was not counted; `null`: it, or a later one of the same epoch, had been counted before. */
export async function refusalOf(context: Context, id: string, epoch: number): Promise<BrokenRule | null>
export async function refusalOf(context: Context, id: string, epoch: null): Promise<BrokenRule>
export async function refusalOf(context: Context, id: string, epoch: number | null): Promise<BrokenRule | null> {
  const assignment = await findAssignment(context.db, id)
  if (assignment === null) return new BrokenRule('NOT_FOUND', 'there is no such assignment')
  if (assignment.endedAt !== null || epoch === null) {
    return new BrokenRule('ASSIGNMENT_ENDED', 'this assignment is over; the worker must stop')
  }
  if (assignment.epoch === epoch) return null
  return new BrokenRule('STALE_EPOCH', `epoch ${assignment.epoch} has the assignment now; the worker must stop`)
}
