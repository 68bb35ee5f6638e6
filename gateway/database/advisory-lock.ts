import { sql } from 'drizzle-orm'

import type { Tx } from '../ports/database.ts'

/**
 * Waits for the advisory lock of a name, such as `live.admission`, and holds it until the transaction ends.
 * A name begins with its system: numbers that systems choose for themselves would collide.
 */
export async function lockUntilCommit(tx: Tx, name: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${keyOf(name)})`)
}

/** Takes the lock of a name as `lockUntilCommit` does, but returns `false` where another transaction holds it. */
export async function tryLockUntilCommit(tx: Tx, name: string): Promise<boolean> {
  const [row] = await tx.execute<{ locked: boolean }>(sql`select pg_try_advisory_xact_lock(${keyOf(name)}) as locked`)
  return row?.locked === true
}

const keyOf = (name: string) => sql`hashtextextended(${name}, 0)`
