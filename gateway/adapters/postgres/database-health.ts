import type { Sql } from 'postgres'

import { withDeadline } from '../../../shared/with-deadline.ts'
import { isRetryable, isUnableToStore, isUnavailable } from './errors.ts'

/** Whether a database can be used, by what its callers have met and by tries of its own. */
export type DatabaseHealth = {
  /** Reports whether an error means that the database cannot be used now, and remembers it. */
  isGone(error: unknown): boolean
  /** Returns what is wrong with the database, or `null`. After a failed statement it tries to store something first. */
  check(): Promise<string | null>
}

/** Creates the health of a database whose checks answer within `withinMs`. */
export function createDatabaseHealth(sql: Sql, withinMs: number): DatabaseHealth {
  let hasFailed = false

  async function readSomething(): Promise<void> {
    await sql`select 1`
  }

  async function storeSomething(): Promise<void> {
    // A temporary table takes space on the disk, and fails where the database is read-only.
    await sql.begin(async (tx) => {
      await tx`create temporary table readiness on commit drop as select repeat('x', 1000) from generate_series(1, 100)`
    })
    hasFailed = false
  }

  return {
    isGone(error) {
      hasFailed ||= isUnavailable(error)
      return isUnavailable(error) || isRetryable(error)
    },
    check: () =>
      withDeadline(hasFailed ? storeSomething() : readSomething(), withinMs).then(
        () => null,
        (error: unknown) => (isUnableToStore(error) ? 'cannot store anything' : 'cannot be reached'),
      ),
  }
}
