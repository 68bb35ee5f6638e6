import type { Db } from '../../ports/database.ts'
import { countFailedCall, type Transaction } from '../store/transactions.ts'
import { isStoredFailure } from './payments.ts'

/** Calls Stripe for a tip. A failure that Stripe stores is counted, so that the next call has another key. */
export async function countFailures<Answer>(
  db: Db,
  { transactionId, failedCalls }: Transaction,
  call: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await call()
  } catch (error) {
    if (isStoredFailure(error)) await countFailedCall(db, transactionId, failedCalls)
    throw error
  }
}
