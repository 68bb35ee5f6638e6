import { and, asc, eq } from 'drizzle-orm'

import type { DbOrTx } from '../../../ports/database.ts'
import { userBlocks, users } from '../../schema.ts'
import type { NamedUser } from './moderators.ts'

/** Returns whose messages a user does not want to see. */
export function listBlocked(db: DbOrTx, userId: string): Promise<NamedUser[]> {
  return db
    .select({ userId: users.userId, username: users.username })
    .from(userBlocks)
    .innerJoin(users, eq(users.userId, userBlocks.blockedId))
    .where(eq(userBlocks.userId, userId))
    .orderBy(asc(users.username))
}

/** Returns how many users a user blocks. */
export function countBlocked(db: DbOrTx, userId: string): Promise<number> {
  return db.$count(userBlocks, eq(userBlocks.userId, userId))
}

/** Hides the messages of a user from another one. */
export async function putBlock(db: DbOrTx, userId: string, blockedId: string): Promise<void> {
  await db.insert(userBlocks).values({ userId, blockedId }).onConflictDoNothing()
}

/** Shows the messages of a user to another one again. */
export async function deleteBlock(db: DbOrTx, userId: string, blockedId: string): Promise<void> {
  await db.delete(userBlocks).where(and(eq(userBlocks.userId, userId), eq(userBlocks.blockedId, blockedId)))
}
