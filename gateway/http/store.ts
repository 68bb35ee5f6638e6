import { and, eq, lt, sql } from 'drizzle-orm'

import type { Db, Tx } from '../context.ts'
import { idempotencyKeys } from './schema.ts'

/** How long an answer is kept for its Idempotency-Key, in hours. */
const KEPT_HOURS = 24

export type KeptCall = typeof idempotencyKeys.$inferSelect

/**
 * Reserves a key for the transaction at hand; another call with it waits until this one has committed or failed.
 * Gives the call that has it already, or `null` where it was free.
 */
export async function reserveKey(
  tx: Tx,
  call: Pick<KeptCall, 'scope' | 'key' | 'requestHash'>,
): Promise<KeptCall | null> {
  const reserved = await tx
    .insert(idempotencyKeys)
    .values({ ...call, status: 0, body: '' })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key })
  if (reserved.length > 0) return null
  const [kept] = await tx.select().from(idempotencyKeys).where(sameKey(call))
  return kept ?? null
}

/** Keeps the answer of the call that reserved the key. */
export async function keepAnswer(
  tx: Tx,
  call: Pick<KeptCall, 'scope' | 'key'>,
  answer: { status: number; body: string },
): Promise<void> {
  await tx.update(idempotencyKeys).set(answer).where(sameKey(call))
}

function sameKey({ scope, key }: Pick<KeptCall, 'scope' | 'key'>) {
  return and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key))
}

/** Forgets answers that have been kept for long enough. */
export async function forgetOldKeys(db: Db): Promise<void> {
  await db
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, sql`now() - make_interval(hours => ${KEPT_HOURS})`))
}
