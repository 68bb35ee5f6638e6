import { BrokenRule } from '../../../errors.ts'
import { enqueueMail, sendSoon } from '../../../mail/enqueue-mail.ts'
import type { Tx } from '../../../ports/database.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import type { RequestOrigin } from '../request-origin.ts'
import type { ForgotBody } from '../requests.ts'
import type { SignedIn } from '../session.ts'
import type { User } from '../store/users.ts'
import { countMail } from './limit-mails.ts'
import { requireMail } from './require-mail.ts'

/** How long a link can be used, in seconds; so long its mail is tried. */
const LINK_SEC = 3600

/** Enqueues the mail that verifies the address of a user; none where it is verified, e-mail is off or a limit is reached. */
export async function enqueueVerification(
  tx: Tx,
  { settings }: LiveContext,
  user: User,
  { address, language }: RequestOrigin,
): Promise<void> {
  const { userId, email, emailVerifiedAt } = user
  if (settings.mail === null || emailVerifiedAt !== null) return
  if ((await countMail(tx, { email, client: address, userId })) !== null) return
  const params = { user_id: userId, email, language }
  await enqueueMail(tx, { kind: 'verify_email', params, lifeSec: LINK_SEC })
}

/**
 * Sends the mail that verifies the address of the signed-in user again; a verified one gets none.
 * @throws BrokenRule MAIL_DISABLED, MAIL_LIMITED
 */
export async function requestVerification(
  context: LiveContext,
  { user }: SignedIn,
  { address, language }: RequestOrigin,
): Promise<void> {
  requireMail(context)
  const { userId, email, emailVerifiedAt } = user
  if (emailVerifiedAt !== null) return
  const excess = await countMail(context.db, { email, client: address, userId })
  if (excess !== null) throw mailLimited(excess.retryAfterSec)
  const params = { user_id: userId, email, language }
  await enqueueMail(context.db, { kind: 'verify_email', params, lifeSec: LINK_SEC })
  sendSoon(context)
}

/**
 * Sends a link to reset the password, if the address is the verified one of an account. Whether it is, is looked up when
 * the mail is composed: the answer and its time are the same for all addresses.
 * @throws BrokenRule MAIL_DISABLED; MAIL_LIMITED by the address of the client only
 */
export async function requestReset(
  context: LiveContext,
  { email }: ForgotBody,
  { address, language }: RequestOrigin,
): Promise<void> {
  requireMail(context)
  const excess = await countMail(context.db, { email, client: address, userId: null })
  if (excess?.by === 'client') throw mailLimited(excess.retryAfterSec)
  if (excess !== null) return
  await enqueueMail(context.db, { kind: 'reset_password', params: { email, language }, lifeSec: LINK_SEC })
  sendSoon(context)
}

function mailLimited(retryAfterSec: number): BrokenRule {
  const message = `too many mails were requested; try again in ${retryAfterSec} s`
  return new BrokenRule(LIVE_ERRORS.MAIL_LIMITED, message, { retryAfterSec })
}
