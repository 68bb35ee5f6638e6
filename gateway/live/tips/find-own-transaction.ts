import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import type { DbOrTx } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { findTransaction, type NamedTransaction } from '../store/transactions.ts'

/**
 * Returns a tip that the user has sent or gets.
 * @throws BrokenRule TRANSACTION_NOT_FOUND, also where it is of others
 */
export async function findOwnTransaction(db: DbOrTx, { user }: SignedIn, id: string): Promise<NamedTransaction> {
  const found = UUID.test(id) ? await findTransaction(db, id, user.userId) : null
  if (found !== null) return found
  throw new BrokenRule(LIVE_ERRORS.TRANSACTION_NOT_FOUND, 'there is no transaction of this id')
}
