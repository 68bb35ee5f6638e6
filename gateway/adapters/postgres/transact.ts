import { isRetryable } from './errors.ts'
import type { Db } from '../../ports/database.ts'
import type { Transact } from '../../ports/transactions.ts'

/** Attempts of a transaction that Postgres aborts because of a conflict. */
const MAX_ATTEMPTS = 3
/** Longest pause before the second attempt, in ms; the pauses are random, and grow with the attempts. */
const PAUSE_MS = 40

/**
 * Creates the port for transactions on a pool. A transaction that loses a conflict is retried, see `isRetryable`, after a
 * pause: without it, it would take the locks again before the winner gets them, and lose again.
 */
export function createTransact(db: Db): Transact {
  return async (work) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await db.transaction(work)
      } catch (error) {
        if (!isRetryable(error) || attempt === MAX_ATTEMPTS) throw error
        const pauseMs = PAUSE_MS * attempt * (0.5 + Math.random() / 2)
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }
}
