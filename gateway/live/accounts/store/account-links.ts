import { and, eq, gt, isNull, lte, sql } from 'drizzle-orm'

import type { Db, DbOrTx, Tx } from '../../../ports/database.ts'
import { accountLinks, type LinkPurpose } from '../../schema.ts'

export type AccountLink = typeof accountLinks.$inferSelect

const usable = and(isNull(accountLinks.usedAt), gt(accountLinks.expiresAt, sql`now()`))

/** Inserts a link unless it is known; returns whether it can be used. */
export async function ensureLink(db: DbOrTx, link: Omit<AccountLink, 'usedAt'>): Promise<boolean> {
  await db.insert(accountLinks).values(link).onConflictDoNothing()
  return (await findLink(db, link.tokenHash, link.purpose)) !== null
}

/** Returns a link that can be used; `null` where it is unknown, used, expired, or for another purpose. */
export async function findLink(db: DbOrTx, tokenHash: string, purpose: LinkPurpose): Promise<AccountLink | null> {
  const [row] = await db
    .select()
    .from(accountLinks)
    .where(and(eq(accountLinks.tokenHash, tokenHash), eq(accountLinks.purpose, purpose), usable))
  return row ?? null
}

/** Uses a link; returns false where it cannot be used any more. */
export async function useLink(tx: Tx, tokenHash: string): Promise<boolean> {
  const used = await tx
    .update(accountLinks)
    .set({ usedAt: sql`now()` })
    .where(and(eq(accountLinks.tokenHash, tokenHash), usable))
    .returning({ tokenHash: accountLinks.tokenHash })
  return used.length > 0
}

/** Uses up all links of a user. */
export async function useLinksOf(tx: Tx, userId: string): Promise<void> {
  await tx
    .update(accountLinks)
    .set({ usedAt: sql`now()` })
    .where(and(eq(accountLinks.userId, userId), isNull(accountLinks.usedAt)))
}

/** Deletes the links that have expired. */
export async function deleteExpiredLinks(db: Db): Promise<void> {
  await db.delete(accountLinks).where(lte(accountLinks.expiresAt, sql`now()`))
}
