import { inArray, lte, sql } from 'drizzle-orm'

import type { Db, DbOrTx } from '../../../ports/database.ts'
import { loginFailures } from '../../schema.ts'

/** The failures of a key in its current window, and the seconds until that ends. */
export type FailureCount = { readonly key: string; readonly failures: number; readonly endsInSec: number }

/** Counts an attempt as a failure of each key; a key without a current window begins one of `windowSec` seconds. */
export function countAttempt(db: DbOrTx, keys: readonly string[], windowSec: number): Promise<FailureCount[]> {
  const isOver = sql`${loginFailures.windowEndsAt} <= now()`
  return db
    .insert(loginFailures)
    .values(
      // In one order, so that two attempts do not wait for each other.
      keys.toSorted().map((key) => ({
        key,
        failures: 1,
        windowEndsAt: sql`now() + make_interval(secs => ${windowSec})`,
      })),
    )
    .onConflictDoUpdate({
      target: loginFailures.key,
      set: {
        failures: sql`case when ${isOver} then 1 else ${loginFailures.failures} + 1 end`,
        windowEndsAt: sql`case when ${isOver} then excluded.window_ends_at else ${loginFailures.windowEndsAt} end`,
      },
    })
    .returning({
      key: loginFailures.key,
      failures: loginFailures.failures,
      endsInSec: sql<number>`ceil(extract(epoch from ${loginFailures.windowEndsAt} - now()))::int`,
    })
}

/** Uncounts an attempt that is no failure. */
export async function forgiveAttempt(db: Db, keys: readonly string[]): Promise<void> {
  await db
    .update(loginFailures)
    .set({ failures: sql`greatest(${loginFailures.failures} - 1, 0)` })
    .where(inArray(loginFailures.key, [...keys]))
}

/** Deletes the failures whose window has ended. */
export async function deleteEndedLoginFailures(db: Db): Promise<void> {
  await db.delete(loginFailures).where(lte(loginFailures.windowEndsAt, sql`now()`))
}
