import { hashText } from '../../../shared/net/hash.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { networkOf } from '../../http/client-address.ts'
import { sendSoon } from '../../mail/enqueue-mail.ts'
import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { newUuid } from '../../../shared/ids.ts'
import { limitAction } from './limit-attempts.ts'
import { enqueueVerification } from './mails/request-mail.ts'
import type { RequestOrigin } from './request-origin.ts'
import type { RegisterBody } from './requests.ts'
import { isInvitationValid, useInvitation } from './store/invitations.ts'
import { findUserByName, hasUsers, insertUser, lockRegistration, type User } from './store/users.ts'

/** Registrations from an address in an hour, for each `POST` call of a minute: people of a school or an office share one. */
const REGISTRATIONS_PER_WRITE = 4

/**
 * Creates an account, and sends a link that verifies its address. The first account is an admin, and needs no invitation.
 * @throws BrokenRule REGISTRATION_CLOSED, INVITATION_INVALID, USERNAME_TAKEN, EMAIL_TAKEN, RATE_LIMIT_EXCEEDED
 */
export async function registerUser(context: LiveContext, body: RegisterBody, origin: RequestOrigin): Promise<User> {
  // A registration that is refused costs no hash.
  await context.transact((tx) => admit(tx, context, body.invitation))
  await limitRegistrations(context, origin.address)
  const passwordHash = await context.passwordHasher.hash(body.password, origin.signal)
  const user = await context.transact(async (tx) => {
    await lockRegistration(tx)
    const isFirst = await admit(tx, context, body.invitation)
    if (!isFirst && body.invitation !== undefined) await useInvitation(tx, hashText(body.invitation))
    const { username, email } = body
    const inserted = await insertUser(tx, {
      userId: newUuid(),
      username,
      email,
      passwordHash,
      language: origin.language,
      role: isFirst ? 'admin' : 'user',
    })
    if (inserted === null) throw (await findUserByName(tx, username)) === null ? emailTaken() : usernameTaken()
    await enqueueVerification(tx, context, inserted, origin)
    return inserted
  })
  sendSoon(context)
  return user
}

function limitRegistrations({ db, settings }: LiveContext, address: string): Promise<void> {
  const limit = { action: 'register', max: REGISTRATIONS_PER_WRITE * settings.writesPerMinute, windowSec: 3600 }
  const problem = 'too many accounts were registered from this address'
  return limitAction(db, networkOf(address), limit, { error: KERNEL_ERRORS.RATE_LIMIT_EXCEEDED, problem })
}

/**
 * Returns whether an account would be the first one.
 * @throws BrokenRule where no further one may be created
 */
async function admit(tx: Tx, { settings }: LiveContext, invitation: string | undefined): Promise<boolean> {
  if (!(await hasUsers(tx))) return true
  const { registration } = settings.live
  if (registration === 'closed') {
    throw new BrokenRule(LIVE_ERRORS.REGISTRATION_CLOSED, 'this platform takes no new accounts (REGISTRATION=closed)')
  }
  if (registration === 'open') return false
  if (invitation === undefined || !(await isInvitationValid(tx, hashText(invitation)))) {
    const message = 'invitation must be given, unused and not expired; an admin makes one (REGISTRATION=invitation)'
    throw new BrokenRule(LIVE_ERRORS.INVITATION_INVALID, message)
  }
  return false
}

/** Returns the refusal of a username that another account has. */
export function usernameTaken(): BrokenRule {
  const details = [{ field: 'username', message: 'is taken' }]
  return new BrokenRule(LIVE_ERRORS.USERNAME_TAKEN, 'username is taken; choose another one', { details })
}

/** Returns the refusal of an e-mail address that another account has. */
export function emailTaken(): BrokenRule {
  const details = [{ field: 'email', message: 'has an account' }]
  return new BrokenRule(LIVE_ERRORS.EMAIL_TAKEN, 'email has an account already; sign in', { details })
}
