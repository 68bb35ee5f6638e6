import { and, asc, eq } from 'drizzle-orm'

import type { DbOrTx } from '../../../ports/database.ts'
import { isNamed } from '../../store/names.ts'
import { chatModerators, users } from '../../schema.ts'

/** A user by id and name. */
export type NamedUser = { readonly userId: string; readonly username: string }

const NAMED = { userId: users.userId, username: users.username }

/** Returns the moderators of a channel by their names. */
export function listModerators(db: DbOrTx, ownerId: string): Promise<NamedUser[]> {
  return db
    .select(NAMED)
    .from(chatModerators)
    .innerJoin(users, eq(users.userId, chatModerators.userId))
    .where(eq(chatModerators.ownerId, ownerId))
    .orderBy(asc(users.username))
}

/** Returns whether a user moderates the chats of a channel. */
export async function isModeratorOf(db: DbOrTx, ownerId: string, userId: string): Promise<boolean> {
  return (await db.$count(chatModerators, pair(ownerId, userId))) > 0
}

/** Makes a user a moderator of a channel; one that is one stays one. */
export async function putModerator(db: DbOrTx, ownerId: string, userId: string): Promise<void> {
  await db.insert(chatModerators).values({ ownerId, userId }).onConflictDoNothing()
}

/** Makes a user a moderator no longer. */
export async function deleteModerator(db: DbOrTx, ownerId: string, userId: string): Promise<void> {
  await db.delete(chatModerators).where(pair(ownerId, userId))
}

function pair(ownerId: string, userId: string) {
  return and(eq(chatModerators.ownerId, ownerId), eq(chatModerators.userId, userId))
}

/** Returns the user of an id, or of a name in any case; `null` where there is none. */
export async function findNamedUser(db: DbOrTx, idOrName: string): Promise<NamedUser | null> {
  const [row] = await db.select(NAMED).from(users).where(isNamed(idOrName))
  return row ?? null
}
