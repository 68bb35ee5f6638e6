import type { DbOrTx } from '../ports/database.ts'
import { listRunningWorkers } from '../workers/store/assignments.ts'
import { JOB_KIND, workerNameOf } from './job-worker.ts'

/** Returns how many encode workers run or are being launched; one worker may have several tasks. */
export async function countEncodeWorkers(db: DbOrTx): Promise<number> {
  const assigned = await listRunningWorkers(db, JOB_KIND)
  return new Set(assigned.map((assignment) => assignment.host ?? workerNameOf(assignment))).size
}
