import { lockUntilCommit } from '../../database/advisory-lock.ts'
import type { Tx } from '../../ports/database.ts'

/** Locks the admission of encoders until the transaction ends, so that their count cannot exceed the limit. */
export async function lockAdmission(tx: Tx): Promise<void> {
  await lockUntilCommit(tx, 'live.admission')
}
