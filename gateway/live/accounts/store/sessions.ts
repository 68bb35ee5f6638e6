import { and, desc, eq, gt, lte, ne, sql } from 'drizzle-orm'

import type { Db, DbOrTx, Tx } from '../../../ports/database.ts'
import { pushSubscriptions, sessions, users } from '../../schema.ts'
import { isAmong } from '../../store/is-among.ts'
import type { User } from './users.ts'

export type SessionRow = typeof sessions.$inferSelect

const valid = gt(sessions.expiresAt, sql`now()`)

/** Inserts a session that expires in `lifeSec` seconds by the clock of the database. */
export async function insertSession(
  tx: DbOrTx,
  session: Pick<SessionRow, 'sessionId' | 'userId' | 'address' | 'userAgent'>,
  lifeSec: number,
): Promise<SessionRow> {
  const [row] = await tx
    .insert(sessions)
    .values({ ...session, expiresAt: sql`date_trunc('second', now()) + make_interval(secs => ${lifeSec})` })
    .returning()
  if (row === undefined) throw new Error('the session was not inserted')
  return row
}

/** Returns a valid session with its user, or `null`. */
export async function findSession(
  db: Db,
  sessionId: string,
): Promise<{ readonly session: SessionRow; readonly user: User } | null> {
  const [row] = await db
    .select({ session: sessions, user: users })
    .from(sessions)
    .innerJoin(users, eq(users.userId, sessions.userId))
    .where(and(eq(sessions.sessionId, sessionId), valid))
  return row ?? null
}

/** Returns whether a session is valid. */
export async function hasSession(tx: Tx, sessionId: string): Promise<boolean> {
  const rows = await tx
    .select({ sessionId: sessions.sessionId })
    .from(sessions)
    .where(and(eq(sessions.sessionId, sessionId), valid))
  return rows.length > 0
}

/** Returns which of these sessions are valid. */
export async function listValidSessions(db: Db, sessionIds: readonly string[]): Promise<string[]> {
  const rows = await db
    .select({ sessionId: sessions.sessionId })
    .from(sessions)
    .where(and(isAmong(sessions.sessionId, sessionIds), valid))
  return rows.map(({ sessionId }) => sessionId)
}

/** Returns the valid sessions of a user, newest first. */
export function listUserSessions(db: Db, userId: string): Promise<SessionRow[]> {
  return db
    .select()
    .from(sessions)
    .where(and(eq(sessions.userId, userId), valid))
    .orderBy(desc(sessions.sessionId))
}

/** Deletes a session of a user, and the browser that it turned pushes on in; returns false where the user has none of this id. */
export async function deleteSession(db: DbOrTx, userId: string, sessionId: string): Promise<boolean> {
  await db
    .delete(pushSubscriptions)
    .where(and(eq(pushSubscriptions.userId, userId), eq(pushSubscriptions.sessionId, sessionId)))
  const deleted = await db
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), eq(sessions.sessionId, sessionId)))
    .returning({ sessionId: sessions.sessionId })
  return deleted.length > 0
}

/** Deletes the sessions of a user and the browsers of pushes, all or all but those of one session. */
export async function deleteUserSessions(db: DbOrTx, userId: string, kept: string | null = null): Promise<void> {
  const otherBrowsers = kept === null ? undefined : ne(pushSubscriptions.sessionId, kept)
  await db.delete(pushSubscriptions).where(and(eq(pushSubscriptions.userId, userId), otherBrowsers))
  const others = kept === null ? undefined : ne(sessions.sessionId, kept)
  await db.delete(sessions).where(and(eq(sessions.userId, userId), others))
}

/** Deletes the sessions that have expired. */
export async function deleteExpiredSessions(db: Db): Promise<void> {
  await db.delete(sessions).where(lte(sessions.expiresAt, sql`now()`))
}
