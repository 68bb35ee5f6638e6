import { and, eq, isNull, sql, type SQL } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import { assignments } from '../schema.ts'
import type { Db } from '../../ports/database.ts'

/**
 * Returns the insert of assignments for running workers: they count as launched, and as claimed by the named process.
 * `given` is a query of `id`, the worker's name (`host`), its launcher (`owner`) and the process (`claimant`, or null).
 * A system composes it into its own statement.
 */
export function insertReusedQuery(kind: string, given: SQL): SQL {
  return sql`
    insert into ${assignments}
      (id, kind, host, launched_by, launch, is_launched, launched_at, attempts, lease_until, epoch, claimed_at, claimants)
    select id, ${kind}, host, owner, 1, true, now(), 1, now() + make_interval(secs => ${LEASE_SEC}),
      case when claimant is null then 0 else ${REUSED_EPOCH}::int end,
      case when claimant is not null then now() end, array_remove(array[claimant], null)
    from (${given}) given`
}

/** The epoch of an assignment that is claimed by its handover. */
export const REUSED_EPOCH = 1

/** Returns the assignments that a worker was given and has not reported on yet. */
export async function listUnacknowledged(db: Db, host: string): Promise<string[]> {
  const rows = await db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(isNull(assignments.endedAt), eq(assignments.host, host), eq(assignments.seq, 0)))
  return rows.map(({ id }) => id)
}
