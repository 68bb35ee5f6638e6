import type { Claim } from '../../shared/contract/assignment.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { answerClaim } from '../workers/claim-assignment.ts'
import { claimWork } from './calls/store.ts'
import { orderFor } from './order.ts'
import { findWork } from './tasks/store.ts'

/**
 * Gives a task to the worker that claims it, with all that it is to do. Only the worker of its last launch may: one that
 * was given up and is started again where nobody reaches it would take the task from who is at work.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function claimTask(
  context: Context,
  taskId: string,
  caller: { readonly claimant: string; readonly worker: string },
): Promise<Claim> {
  const claimed = await claimWork(context.db, taskId, caller)
  const claim = await answerClaim(context, { id: taskId, claimant: caller.claimant }, claimed?.assignment ?? null)
  const work = claimed ?? (await findWork(context.db, taskId))
  const order = work === null ? null : await orderFor(context, work)
  if (order === 'job_ended') throw new BrokenRule('ASSIGNMENT_ENDED', 'this job is over; the worker must stop')
  if (order === null) throw new BrokenRule('NOT_FOUND', 'there is no such task')
  return { ...claim, order }
}
