import type { Claim } from '../../shared/contract/assignment.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { claimAssignment } from '../workers/claim-assignment.ts'
import { findAssignment } from '../workers/store.ts'
import { orderFor } from './order.ts'
import { changeJob } from './store.ts'
import { tell } from './tell.ts'

/**
 * Gives a task to the worker that claims it, with all that it is to do.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function claimTask(context: Context, taskId: string, claimant: string): Promise<Claim> {
  const claim = await claimAssignment(context, taskId, claimant)
  const order = await orderFor(context, taskId)
  if (order === null) throw new BrokenRule('NOT_FOUND', 'there is no such task')
  if (order.task === 'encode') await noteAttempt(context, order.job_id)
  return { ...claim, order }
}

async function noteAttempt(context: Context, jobId: string): Promise<void> {
  await context.transact(async (tx) => {
    const assignment = await findAssignment(tx, jobId)
    if (assignment === null) return
    const { attempts } = assignment
    const message = attempts > 1 ? `attempt ${attempts}` : 'a worker has taken the job'
    const job = await changeJob(tx, jobId, { attempts, message })
    if (job !== null) await tell(tx, [job])
  })
  context.feed.ring(jobId)
}
