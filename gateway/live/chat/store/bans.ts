import { and, desc, eq, isNull, or, sql } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../../ports/database.ts'
import { chatBans, users } from '../../schema.ts'

/** Who may not write in the chats of a channel. */
export type ChatBan = {
  readonly userId: string
  readonly username: string
  readonly until: Date | null
  readonly createdAt: Date
}

/** Bans a user from the chats of a channel for `durationSec`, or for good where it is `null`. */
export async function putBan(tx: Tx, ownerId: string, userId: string, durationSec: number | null): Promise<void> {
  const until = durationSec === null ? null : sql`clock_timestamp() + make_interval(secs => ${durationSec})`
  await tx
    .insert(chatBans)
    .values({ ownerId, userId, until })
    .onConflictDoUpdate({ target: [chatBans.ownerId, chatBans.userId], set: { until, createdAt: sql`now()` } })
}

/** Ends a ban; returns false where there is none. */
export async function deleteBan(tx: DbOrTx, ownerId: string, userId: string): Promise<boolean> {
  const rows = await tx
    .delete(chatBans)
    .where(and(eq(chatBans.ownerId, ownerId), eq(chatBans.userId, userId), lasts))
    .returning({ userId: chatBans.userId })
  return rows.length > 0
}

const lasts = or(isNull(chatBans.until), sql`${chatBans.until} > clock_timestamp()`)

/** Returns the bans of a channel that last, newest first. */
export function listBans(db: DbOrTx, ownerId: string, limit: number): Promise<ChatBan[]> {
  return selectBans(db)
    .where(and(eq(chatBans.ownerId, ownerId), lasts))
    .orderBy(desc(chatBans.createdAt))
    .limit(limit)
}

/** Returns the ban of a user that lasts, or `null`. */
export async function findBan(db: DbOrTx, ownerId: string, userId: string): Promise<ChatBan | null> {
  const [row] = await selectBans(db).where(and(eq(chatBans.ownerId, ownerId), eq(chatBans.userId, userId), lasts))
  return row ?? null
}

function selectBans(db: DbOrTx) {
  const { userId, until, createdAt } = chatBans
  return db
    .select({ userId, username: users.username, until, createdAt })
    .from(chatBans)
    .innerJoin(users, eq(users.userId, chatBans.userId))
}
