import type { Db, Transact } from '../context.ts'
import { isRetryable } from './postgres-errors.ts'

/** How often a transaction is begun that Postgres breaks off for the sake of another one. */
const TRANSACTION_TRIES = 3

/** Transactions on a pool; a deadlock or a failed serialisation has them begun anew. */
export function createTransact(db: Db): Transact {
  return async (work) => {
    for (let tries = 1; ; tries++) {
      try {
        return await db.transaction(work)
      } catch (error) {
        if (!isRetryable(error) || tries === TRANSACTION_TRIES) throw error
      }
    }
  }
}
