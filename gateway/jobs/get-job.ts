import { BrokenRule } from '../errors.ts'
import type { JobsContext } from './context.ts'
import { JOB_ERRORS } from './errors.ts'
import { presentJob, type PublicJob } from './present.ts'
import { findQueuePositions } from './queue-position.ts'
import { findJobWithAttempts } from './store/jobs.ts'

/**
 * Returns one job in its current state.
 * @throws BrokenRule JOB_NOT_FOUND
 */
export async function getJob(context: JobsContext, id: string): Promise<PublicJob> {
  const job = await findJobWithAttempts(context.db, id)
  if (job === null) throw new BrokenRule(JOB_ERRORS.JOB_NOT_FOUND, 'there is no job of this id')
  const positions = await findQueuePositions(context, [job])
  return presentJob(job, positions.get(id) ?? null)
}
