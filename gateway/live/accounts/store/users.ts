import { and, eq, ne, sql } from 'drizzle-orm'

import { lockUntilCommit } from '../../../database/advisory-lock.ts'
import type { DbOrTx, Tx } from '../../../ports/database.ts'
import { users } from '../../schema.ts'
import { equalsInAnyCase } from '../../store/names.ts'

export type User = typeof users.$inferSelect
export type NewUser = typeof users.$inferInsert

/** Locks registrations until the transaction ends, so that one account only is the first. */
export async function lockRegistration(tx: Tx): Promise<void> {
  await lockUntilCommit(tx, 'live.registration')
}

/** Returns whether there is any user. */
export async function hasUsers(db: DbOrTx): Promise<boolean> {
  const rows = await db.select({ userId: users.userId }).from(users).limit(1)
  return rows.length > 0
}

/** Inserts a user; returns `null` where the username or the e-mail address is taken. */
export async function insertUser(tx: Tx, user: NewUser): Promise<User | null> {
  const [row] = await tx.insert(users).values(user).onConflictDoNothing().returning()
  return row ?? null
}

/** Returns a user by id, or `null`. */
export async function findUser(db: DbOrTx, userId: string): Promise<User | null> {
  const [row] = await db.select().from(users).where(eq(users.userId, userId))
  return row ?? null
}

/** Returns the user of a username in any case, or `null`. */
export async function findUserByName(db: DbOrTx, username: string): Promise<User | null> {
  const [row] = await db.select().from(users).where(equalsInAnyCase(users.username, username))
  return row ?? null
}

/** Returns the user of an e-mail address in any case, or `null`. */
export async function findUserByEmail(db: DbOrTx, email: string): Promise<User | null> {
  const [row] = await db.select().from(users).where(equalsInAnyCase(users.email, email))
  return row ?? null
}

/** Returns a user and locks the row until the transaction ends; `null` where there is none. */
export async function lockUser(tx: Tx, userId: string): Promise<User | null> {
  const [row] = await tx.select().from(users).where(eq(users.userId, userId)).for('update')
  return row ?? null
}

/** Returns whether another user than this one is an admin. */
export async function hasOtherAdmin(tx: Tx, userId: string): Promise<boolean> {
  const rows = await tx
    .select({ userId: users.userId })
    .from(users)
    .where(and(eq(users.role, 'admin'), ne(users.userId, userId)))
    .limit(1)
  return rows.length > 0
}

export type UserChange = Partial<
  Pick<
    User,
    'username' | 'about' | 'email' | 'emailVerifiedAt' | 'passwordHash' | 'role' | 'suspendedAt' | 'suspensionReason'
  >
>

/** Changes a user; returns `null` where there is none. A taken username or address violates a unique index. */
export async function updateUserRow(tx: DbOrTx, userId: string, change: UserChange): Promise<User | null> {
  const [row] = await tx
    .update(users)
    .set({ ...change, updatedAt: sql`now()` })
    .where(eq(users.userId, userId))
    .returning()
  return row ?? null
}

/** Records the language of a user's pages. */
export async function setLanguage(tx: Tx, userId: string, language: User['language']): Promise<void> {
  await tx.update(users).set({ language }).where(eq(users.userId, userId))
}

/** Records that the user gets what is sent to the address of the account. */
export async function markEmailVerified(tx: Tx, userId: string): Promise<void> {
  await tx
    .update(users)
    .set({ emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, now())` })
    .where(eq(users.userId, userId))
}

/** Deletes a user with everything that belongs to the user. */
export async function deleteUserRow(tx: Tx, userId: string): Promise<void> {
  await tx.delete(users).where(eq(users.userId, userId))
}
