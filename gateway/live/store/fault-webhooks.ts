import { eq, sql } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import { faultWebhooks, users } from '../schema.ts'

export type FaultWebhook = typeof faultWebhooks.$inferSelect

/** Returns where the faults of a user's broadcasts are sent; `null`: nowhere. */
export async function findFaultWebhook(db: DbOrTx, userId: string): Promise<FaultWebhook | null> {
  const [row] = await db.select().from(faultWebhooks).where(eq(faultWebhooks.userId, userId))
  return row ?? null
}

/** Returns the same as `findFaultWebhook`, and keeps it from changing until the transaction ends. */
export async function holdFaultWebhook(tx: Tx, userId: string): Promise<FaultWebhook | null> {
  const [row] = await tx.select().from(faultWebhooks).where(eq(faultWebhooks.userId, userId)).for('share')
  return row ?? null
}

/**
 * Stores where the faults of a user's broadcasts are sent; `secretId` counts where they were not sent before. Returns `null`
 * where the user is gone.
 */
export async function putFaultWebhook(
  tx: Tx,
  webhook: Pick<FaultWebhook, 'userId' | 'url' | 'secretId'>,
): Promise<FaultWebhook | null> {
  const [user] = await tx
    .select({ userId: users.userId })
    .from(users)
    .where(eq(users.userId, webhook.userId))
    .for('key share')
  if (user === undefined) return null
  const [row] = await tx
    .insert(faultWebhooks)
    .values(webhook)
    .onConflictDoUpdate({ target: faultWebhooks.userId, set: { url: webhook.url, updatedAt: sql`now()` } })
    .returning()
  return row ?? null
}

/** Changes the secret of a user's webhooks; returns `null` where the user has no address for them. */
export async function renewSecretId(tx: Tx, userId: string, secretId: string): Promise<FaultWebhook | null> {
  const [row] = await tx
    .update(faultWebhooks)
    .set({ secretId, updatedAt: sql`now()` })
    .where(eq(faultWebhooks.userId, userId))
    .returning()
  return row ?? null
}

/** Deletes where the faults of a user's broadcasts are sent. */
export async function deleteFaultWebhook(tx: Tx, userId: string): Promise<void> {
  await tx.delete(faultWebhooks).where(eq(faultWebhooks.userId, userId))
}
