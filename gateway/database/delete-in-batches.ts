import { sql, type SQL } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'

import type { Tx } from '../ports/database.ts'

/** Rows of one statement: it takes about a second at most, far less than the statement timeout. */
export const DELETE_BATCH_ROWS = 50_000

/**
 * Deletes the rows of a condition, however many there are, in statements of at most `DELETE_BATCH_ROWS` rows each. They
 * are one transaction: where one fails, none of the rows is deleted.
 */
export async function deleteInBatches(tx: Tx, table: PgTable, condition: SQL): Promise<void> {
  for (;;) {
    const batch = sql`select ctid from ${table} where ${condition} limit ${DELETE_BATCH_ROWS}`
    const { count } = await tx.execute(sql`delete from ${table} where ctid = any(array(${batch}))`)
    if (count < DELETE_BATCH_ROWS) return
  }
}
