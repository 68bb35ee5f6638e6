import type { LiveContext } from '../context.ts'
import { presentOwnUser, presentSession, type SessionList, type UserExport } from './present.ts'
import type { SignedIn } from './session.ts'
import { listUserSessions } from './store/sessions.ts'

/** Returns the valid sessions of the signed-in user, newest first, on one page. */
export async function listSessions({ db }: LiveContext, { user, sessionId }: SignedIn): Promise<SessionList> {
  const rows = await listUserSessions(db, user.userId)
  return { sessions: rows.map((row) => presentSession(row, sessionId)), next_cursor: null }
}

/** Returns the personal data of the signed-in user: the account and its sessions. */
export async function exportUser(context: LiveContext, signedIn: SignedIn): Promise<UserExport> {
  const { sessions } = await listSessions(context, signedIn)
  return { user: presentOwnUser(signedIn.user), sessions }
}
