import type { LiveContext } from '../context.ts'
import { presentSession, type SessionList } from './present.ts'
import type { SignedIn } from './session.ts'
import { listUserSessions } from './store/sessions.ts'

/** Returns the valid sessions of the signed-in user, newest first, on one page. */
export async function listSessions({ db }: LiveContext, { user, sessionId }: SignedIn): Promise<SessionList> {
  const rows = await listUserSessions(db, user.userId)
  return { sessions: rows.map((row) => presentSession(row, sessionId)), next_cursor: null }
}
