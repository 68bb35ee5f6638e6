import { userNotFound } from '../accounts/path-user.ts'
import { findUser } from '../accounts/store/users.ts'
import type { LiveContext } from '../context.ts'
import type { PayoutAccount } from './present.ts'
import type { PayoutAccountBody } from './requests.ts'
import { putPayoutAccount } from '../store/transactions.ts'

/**
 * Sets the connected account that later tips to a user are transferred to; `null`: the platform keeps them for the user.
 * @throws BrokenRule USER_NOT_FOUND
 */
export async function setPayoutAccount(
  { db }: LiveContext,
  userId: string,
  { account_id: accountId }: PayoutAccountBody,
): Promise<PayoutAccount> {
  if ((await findUser(db, userId)) === null) throw userNotFound()
  await putPayoutAccount(db, userId, accountId)
  return { user_id: userId, account_id: accountId }
}
