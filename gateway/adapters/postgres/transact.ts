import { isRetryable } from './errors.ts'
import type { Db } from '../../ports/database.ts'
import type { Transact } from '../../ports/transactions.ts'

/** Attempts of a transaction that Postgres aborts because of a conflict. */
const MAX_ATTEMPTS = 3

/** Creates the port for transactions on a pool. A transaction that loses a conflict is retried, see `isRetryable`. */
export function createTransact(db: Db): Transact {
  return async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await db.transaction(work)
      } catch (error) {
        if (!isRetryable(error) || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }
}
