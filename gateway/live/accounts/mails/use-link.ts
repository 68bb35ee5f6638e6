import { hashText } from '../../../../shared/net/hash.ts'
import { BrokenRule } from '../../../errors.ts'
import type { Tx } from '../../../ports/database.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import type { LinkPurpose } from '../../schema.ts'
import type { RequestOrigin } from '../request-origin.ts'
import type { ResetBody } from '../requests.ts'
import { findLink, useLink, useLinksOf, type AccountLink } from '../store/account-links.ts'
import { deleteUserSessions } from '../store/sessions.ts'
import { lockUser, markEmailVerified, updateUserRow, type User } from '../store/users.ts'
import { requireMail } from './require-mail.ts'

/**
 * Verifies the address that a link was sent to.
 * @throws BrokenRule LINK_INVALID, MAIL_DISABLED
 */
export async function verifyEmail(context: LiveContext, token: string): Promise<void> {
  requireMail(context)
  const link = await requireLink(context, token, 'verify_email')
  await context.transact(async (tx) => {
    const user = await lockLinkedUser(tx, link)
    await markEmailVerified(tx, user.userId)
  })
}

/**
 * Sets another password by a link. All sessions and all links of the user end.
 * @throws BrokenRule LINK_INVALID, MAIL_DISABLED
 */
export async function resetPassword(
  context: LiveContext,
  { token, password }: ResetBody,
  { signal }: RequestOrigin,
): Promise<void> {
  requireMail(context)
  // A link that cannot be used costs no hash.
  const link = await requireLink(context, token, 'reset_password')
  const passwordHash = await context.passwordHasher.hash(password, signal)
  await context.transact(async (tx) => {
    const user = await lockLinkedUser(tx, link)
    await useLinksOf(tx, user.userId)
    await updateUserRow(tx, user.userId, { passwordHash })
    await deleteUserSessions(tx, user.userId)
  })
}

/** Returns the link of a token. @throws BrokenRule LINK_INVALID */
async function requireLink({ db }: LiveContext, token: string, purpose: LinkPurpose): Promise<AccountLink> {
  const link = await findLink(db, hashText(token), purpose)
  if (link === null) throw linkInvalid()
  return link
}

/** Uses a link, and returns its user with the row locked. @throws BrokenRule LINK_INVALID */
async function lockLinkedUser(tx: Tx, { tokenHash, userId, email }: AccountLink): Promise<User> {
  const user = await lockUser(tx, userId)
  if (user === null || user.email !== email || !(await useLink(tx, tokenHash))) throw linkInvalid()
  return user
}

function linkInvalid(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.LINK_INVALID, 'the link is unknown, used or expired; request another mail')
}
