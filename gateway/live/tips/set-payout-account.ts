import { userNotFound } from '../accounts/path-user.ts'
import type { SignedIn } from '../accounts/session.ts'
import { lockUser } from '../accounts/store/users.ts'
import type { LiveContext } from '../context.ts'
import { insertAuditEntry } from '../store/audit.ts'
import { findPayoutAccount, putPayoutAccount } from '../store/transactions.ts'
import type { PayoutAccount } from './present.ts'
import type { PayoutAccountBody } from './requests.ts'

/**
 * Sets the connected account that later tips to a user are transferred to; `null`: the platform keeps them for the user.
 * @throws BrokenRule USER_NOT_FOUND
 */
export async function setPayoutAccount(
  { transact }: LiveContext,
  actor: SignedIn,
  userId: string,
  { account_id: accountId }: PayoutAccountBody,
): Promise<PayoutAccount> {
  await transact(async (tx) => {
    if ((await lockUser(tx, userId)) === null) throw userNotFound()
    const before = await findPayoutAccount(tx, userId)
    if (before === accountId) return
    await putPayoutAccount(tx, userId, accountId)
    const target = { kind: 'user' as const, id: userId }
    const reason = `from ${before ?? 'none'} to ${accountId ?? 'none'}`
    await insertAuditEntry(tx, { actor, action: 'set_payout_account', target, reason })
  })
  return { user_id: userId, account_id: accountId }
}
