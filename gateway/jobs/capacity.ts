import type { DbOrTx } from '../context.ts'
import { listCarriers } from '../workers/store.ts'
import { JOB_KIND, workerNameOf } from './pod.ts'

/** How many encode workers there are, those that are being launched included: one may carry several tasks. */
export async function countWorkers(db: DbOrTx): Promise<number> {
  const carriers = await listCarriers(db, JOB_KIND)
  return new Set(carriers.map((one) => one.host ?? workerNameOf(one))).size
}
