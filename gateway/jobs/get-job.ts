import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { presentJob, type PublicJob } from './present.ts'
import { findPlaces } from './places/find-places.ts'
import { findTriedJob } from './store.ts'

/**
 * One job as it stands.
 * @throws BrokenRule JOB_NOT_FOUND
 */
export async function getJob(context: Context, id: string): Promise<PublicJob> {
  const job = await findTriedJob(context.db, id)
  if (job === null) throw new BrokenRule('JOB_NOT_FOUND', 'there is no job of this id')
  const places = await findPlaces(context, [job])
  return presentJob(job, places.get(id) ?? null)
}
