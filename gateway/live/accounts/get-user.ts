import type { LiveContext } from '../context.ts'
import { userNotFound } from './path-user.ts'
import { presentOwnUser, presentUser, type OwnUser, type PublicUser } from './present.ts'
import type { SignedIn } from './session.ts'
import { findUser } from './store/users.ts'

/**
 * Returns a user, with the e-mail address to the user only.
 * @throws BrokenRule USER_NOT_FOUND
 */
export async function getUser(
  { db }: LiveContext,
  signedIn: SignedIn | null,
  userId: string,
): Promise<PublicUser | OwnUser> {
  if (signedIn?.user.userId === userId) return presentOwnUser(signedIn.user)
  const user = await findUser(db, userId)
  if (user === null) throw userNotFound()
  return presentUser(user)
}
