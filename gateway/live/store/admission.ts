import { sql } from 'drizzle-orm'

import type { Tx } from '../../ports/database.ts'

/** Key of the advisory lock that serializes admissions, so that their count cannot exceed the limit. */
const ADMISSION_LOCK = 7_311_004

/** Locks the admission of encoders until the transaction ends. */
export async function lockAdmission(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${ADMISSION_LOCK})`)
}
