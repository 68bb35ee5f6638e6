import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { checkPassword } from './check-password.ts'
import { lockSignedIn } from './lock-signed-in.ts'
import { emailTaken, usernameTaken } from './register-user.ts'
import type { UpdateUserBody } from './requests.ts'
import type { SignedIn } from './session.ts'
import { deleteUserSessions } from './store/sessions.ts'
import { findUserByEmail, findUserByName, lockRegistration, updateUserRow, type User } from './store/users.ts'

/**
 * Changes the signed-in user. A new password ends all other sessions of the user.
 * @throws BrokenRule PASSWORD_WRONG, LOGIN_LIMITED, USERNAME_TAKEN, EMAIL_TAKEN, UNAUTHORIZED
 */
export async function updateUser(
  context: LiveContext,
  signedIn: SignedIn,
  body: UpdateUserBody,
  address: string,
): Promise<User> {
  const { user, sessionId } = signedIn
  const { username, email, password, current_password: current } = body
  if (current !== undefined) {
    await checkPassword(context, user, { field: 'current_password', password: current, address })
  }
  const passwordHash = password === undefined ? undefined : await context.passwordHasher.hash(password)
  const change = {
    ...(username === undefined ? {} : { username }),
    ...(email === undefined ? {} : { email }),
    ...(passwordHash === undefined ? {} : { passwordHash }),
  }
  if (Object.keys(change).length === 0) return user
  return context.transact(async (tx) => {
    await lockRegistration(tx)
    const locked = await lockSignedIn(tx, signedIn)
    await refuseTaken(tx, user, body)
    if (passwordHash !== undefined) await deleteUserSessions(tx, user.userId, sessionId)
    return (await updateUserRow(tx, user.userId, change)) ?? locked
  })
}

async function refuseTaken(tx: Tx, user: User, { username, email }: UpdateUserBody): Promise<void> {
  const isOther = (found: User | null) => found !== null && found.userId !== user.userId
  if (username !== undefined && isOther(await findUserByName(tx, username))) throw usernameTaken()
  if (email !== undefined && isOther(await findUserByEmail(tx, email))) throw emailTaken()
}
