import type { Tx } from '../../ports/database.ts'
import { sessionEnded, type SignedIn } from './session.ts'
import { hasSession } from './store/sessions.ts'
import { lockUser, type User } from './store/users.ts'

/**
 * Returns the signed-in user and locks the row. A change of the password or a logout may have ended the session since
 * the request began.
 * @throws BrokenRule UNAUTHORIZED where the session has ended
 */
export async function lockSignedIn(tx: Tx, { user, sessionId }: SignedIn): Promise<User> {
  const current = await lockUser(tx, user.userId)
  if (current === null || !(await hasSession(tx, sessionId))) throw sessionEnded()
  return current
}
