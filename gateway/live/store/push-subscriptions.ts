import { and, eq, ne, sql } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import { pushSubscriptions, users } from '../schema.ts'

export type PushSubscription = typeof pushSubscriptions.$inferSelect
export type NewPushSubscription = Omit<PushSubscription, 'createdAt' | 'updatedAt'>

/**
 * Stores a browser under its endpoint, as that of this user from now on; returns `null` where the user is gone. A browser that
 * is known keeps its id.
 */
export async function putPushSubscription(
  db: DbOrTx,
  browser: NewPushSubscription,
): Promise<{ readonly browser: PushSubscription; readonly isNew: boolean } | null> {
  const [user] = await db
    .select({ userId: users.userId })
    .from(users)
    .where(eq(users.userId, browser.userId))
    .for('key share')
  if (user === undefined) return null
  const { subscriptionId: _, endpointHash: __, ...change } = browser
  const [row] = await db
    .insert(pushSubscriptions)
    .values(browser)
    .onConflictDoUpdate({ target: pushSubscriptions.endpointHash, set: { ...change, updatedAt: sql`now()` } })
    .returning()
  return row === undefined ? null : { browser: row, isNew: row.subscriptionId === browser.subscriptionId }
}

/** The browser that a change is about. */
export type OwnedBrowser = Pick<PushSubscription, 'subscriptionId' | 'userId'>

/**
 * Changes how a browser of a user is reached; returns `null` where the user has none of this id. What waits for it goes to its
 * new endpoint.
 */
export async function updatePushSubscription(
  tx: Tx,
  { subscriptionId, userId }: OwnedBrowser,
  change: Omit<NewPushSubscription, keyof OwnedBrowser>,
): Promise<PushSubscription | null> {
  const isIt = and(eq(pushSubscriptions.subscriptionId, subscriptionId), eq(pushSubscriptions.userId, userId))
  const found = await tx
    .select({ id: pushSubscriptions.subscriptionId })
    .from(pushSubscriptions)
    .where(isIt)
    .for('update')
  if (found.length === 0) return null
  // A page of the browser may have been faster.
  await tx
    .delete(pushSubscriptions)
    .where(
      and(
        eq(pushSubscriptions.endpointHash, change.endpointHash),
        ne(pushSubscriptions.subscriptionId, subscriptionId),
      ),
    )
  const [row] = await tx
    .update(pushSubscriptions)
    .set({ ...change, updatedAt: sql`now()` })
    .where(isIt)
    .returning()
  return row ?? null
}

/** Deletes the browsers of a user beyond the `kept` that were added last. */
export async function deleteOldPushSubscriptions(db: DbOrTx, userId: string, kept: number): Promise<void> {
  await db.execute(sql`
    delete from ${pushSubscriptions} where subscription_id in (
      select subscription_id from ${pushSubscriptions} where user_id = ${userId} order by updated_at desc offset ${kept})`)
}

/** Deletes a browser of a user; returns false where the user has none of this id. */
export async function deletePushSubscription(db: DbOrTx, userId: string, subscriptionId: string): Promise<boolean> {
  const deleted = await db
    .delete(pushSubscriptions)
    .where(and(eq(pushSubscriptions.userId, userId), eq(pushSubscriptions.subscriptionId, subscriptionId)))
    .returning({ id: pushSubscriptions.subscriptionId })
  return deleted.length > 0
}

/** Deletes a browser that takes no pushes any more, with those that wait for it. */
export async function deleteDeadPushSubscription(db: DbOrTx, subscriptionId: string): Promise<void> {
  await db.delete(pushSubscriptions).where(eq(pushSubscriptions.subscriptionId, subscriptionId))
}
