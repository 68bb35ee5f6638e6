import { UUID } from '../../../shared/ids.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { presentTransaction } from '../present-transaction.ts'
import type { TransactionList } from './present.ts'
import type { TransactionListQuery } from './requests.ts'
import { readTransactionPage } from '../store/transactions.ts'

/**
 * Returns the tips that a user has sent or gets, newest first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listTransactions(
  { db }: LiveContext,
  { user }: SignedIn,
  { cursor, limit }: TransactionListQuery,
): Promise<TransactionList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const rows = await readTransactionPage(db, user.userId, { before, limit: limit + 1 })
  const { page, nextCursor } = cutPage(rows, limit, ({ transaction }) => transaction.transactionId)
  return { transactions: page.map((row) => presentTransaction(row, user.userId)), next_cursor: nextCursor }
}
