import { sendSoon } from '../../mail/enqueue-mail.ts'
import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { checkPassword } from './check-password.ts'
import { lockSignedIn } from './lock-signed-in.ts'
import { emailTaken, usernameTaken } from './register-user.ts'
import { enqueueVerification } from './mails/request-mail.ts'
import type { RequestOrigin } from './request-origin.ts'
import type { UpdateUserBody } from './requests.ts'
import type { SignedIn } from './session.ts'
import { useLinksOf } from './store/account-links.ts'
import { deleteUserSessions } from './store/sessions.ts'
import { findUserByEmail, findUserByName, lockRegistration, updateUserRow, type User } from './store/users.ts'

/**
 * Changes the signed-in user. A new password ends all other sessions of the user; a new address must be verified anew.
 * @throws BrokenRule PASSWORD_WRONG, LOGIN_LIMITED, USERNAME_TAKEN, EMAIL_TAKEN, UNAUTHORIZED
 */
export async function updateUser(
  context: LiveContext,
  signedIn: SignedIn,
  body: UpdateUserBody,
  origin: RequestOrigin,
): Promise<User> {
  const { user, sessionId } = signedIn
  const { username, email, password, about, current_password: current } = body
  if (current !== undefined) {
    await checkPassword(context, user, { field: 'current_password', password: current, origin })
  }
  const passwordHash = password === undefined ? undefined : await context.passwordHasher.hash(password, origin.signal)
  const isNewEmail = email !== undefined && email !== user.email
  const change = {
    ...(username === undefined ? {} : { username }),
    ...(about === undefined ? {} : { about }),
    ...(isNewEmail ? { email, emailVerifiedAt: null } : {}),
    ...(passwordHash === undefined ? {} : { passwordHash }),
  }
  if (Object.keys(change).length === 0) return user
  const updated = await context.transact(async (tx) => {
    await lockRegistration(tx)
    const locked = await lockSignedIn(tx, signedIn)
    await refuseTaken(tx, user, body)
    if (passwordHash !== undefined) await deleteUserSessions(tx, user.userId, sessionId)
    if (passwordHash !== undefined || isNewEmail) await useLinksOf(tx, user.userId)
    const row = (await updateUserRow(tx, user.userId, change)) ?? locked
    if (isNewEmail) await enqueueVerification(tx, context, row, origin)
    return row
  })
  if (isNewEmail) sendSoon(context)
  return updated
}

async function refuseTaken(tx: Tx, user: User, { username, email }: UpdateUserBody): Promise<void> {
  const isOther = (found: User | null) => found !== null && found.userId !== user.userId
  if (username !== undefined && isOther(await findUserByName(tx, username))) throw usernameTaken()
  if (email !== undefined && isOther(await findUserByEmail(tx, email))) throw emailTaken()
}
