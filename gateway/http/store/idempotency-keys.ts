import { and, eq, lt, sql } from 'drizzle-orm'

import type { Db, Tx } from '../../ports/database.ts'
import { idempotencyKeys } from '../schema.ts'

/** How long an answer is stored for its Idempotency-Key, in hours. */
const STORED_HOURS = 24

export type IdempotencyKeyRow = typeof idempotencyKeys.$inferSelect

/**
 * Reserves a key for the current transaction; another call with it waits until this one has committed or failed.
 * Returns the stored call that has the key already, or `null` where it was free.
 */
export async function reserveKey(
  tx: Tx,
  call: Pick<IdempotencyKeyRow, 'scope' | 'key' | 'requestHash'>,
): Promise<IdempotencyKeyRow | null> {
  const reserved = await tx
    .insert(idempotencyKeys)
    .values({ ...call, status: 0, body: '' })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key })
  if (reserved.length > 0) return null
  const [stored] = await tx.select().from(idempotencyKeys).where(sameKey(call))
  return stored ?? null
}

/** Stores the answer of the call that reserved the key. */
export async function storeAnswer(
  tx: Tx,
  call: Pick<IdempotencyKeyRow, 'scope' | 'key'>,
  answer: { status: number; body: string },
): Promise<void> {
  await tx.update(idempotencyKeys).set(answer).where(sameKey(call))
}

function sameKey({ scope, key }: Pick<IdempotencyKeyRow, 'scope' | 'key'>) {
  return and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key))
}

/** Deletes the keys of a client: those whose scopes end with its id. */
export async function deleteKeysOf(tx: Tx, clientId: string): Promise<void> {
  const ending = ` ${clientId}`
  await tx.delete(idempotencyKeys).where(sql`right(${idempotencyKeys.scope}, ${ending.length}) = ${ending}`)
}

/** Deletes keys whose answers have been stored for long enough. */
export async function deleteOldKeys(db: Db): Promise<void> {
  await db
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, sql`now() - make_interval(hours => ${STORED_HOURS})`))
}
