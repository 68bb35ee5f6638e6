import type { Claim } from '../../shared/contract/assignment.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { answerClaim } from '../workers/claim-assignment.ts'
import type { JobsContext } from './context.ts'
import { claimTaskWithJob } from './store/claims.ts'
import { findTaskWithJob } from './store/tasks.ts'
import { taskSpecFor } from './task-spec.ts'

/**
 * Claims a task for a worker, and returns what it has to do. Only the worker of the last launch may claim: an earlier
 * one, restarted where the gateway cannot stop it, would take the task from the worker that is busy with it.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function claimTask(
  context: JobsContext,
  taskId: string,
  caller: { readonly claimant: string; readonly worker: string },
): Promise<Claim> {
  const claimed = await claimTaskWithJob(context.db, taskId, caller)
  const claim = await answerClaim(context, { id: taskId, claimant: caller.claimant }, claimed?.assignment ?? null)
  const task = claimed ?? (await findTaskWithJob(context.db, taskId))
  const order = task === null ? null : await taskSpecFor(context, task)
  if (order === 'job_ended')
    throw new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'this job has ended; the worker must stop')
  if (order === null) throw new BrokenRule(KERNEL_ERRORS.NOT_FOUND, 'there is no such task')
  return { ...claim, order }
}
