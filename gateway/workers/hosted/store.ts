import { and, eq, isNull, sql, type SQL } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import type { Db } from '../../context.ts'
import { assignments } from '../schema.ts'

/**
 * Creates assignments for workers that run for others and have room: they count as launched, and as claimed by the process
 * that has said its name (`HOSTED_EPOCH`). `given` is a query of what is given to whom: the assignment's `id`, the worker
 * by its name (`host`), who launched that (`owner`), and the process, where it says which (`claimant`). To be composed
 * into a system's own statement.
 */
export function hostedInsert(kind: string, given: SQL): SQL {
  return sql`
    insert into ${assignments}
      (id, kind, host, launched_by, launch, is_launched, launched_at, attempts, lease_until, epoch, claimed_at, claimants)
    select id, ${kind}, host, owner, 1, true, now(), 1, now() + make_interval(secs => ${LEASE_SEC}),
      case when claimant is null then 0 else ${HOSTED_EPOCH}::int end,
      case when claimant is not null then now() end, array_remove(array[claimant], null)
    from (${given}) given`
}

/** The epoch of an assignment that was claimed by being given. */
export const HOSTED_EPOCH = 1

/** The assignments that a worker was given beside its own and has not spoken of yet. */
export async function listUnheardOf(db: Db, host: string): Promise<string[]> {
  const rows = await db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(isNull(assignments.endedAt), eq(assignments.host, host), eq(assignments.seq, 0)))
  return rows.map(({ id }) => id)
}
