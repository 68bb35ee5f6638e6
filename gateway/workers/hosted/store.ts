import { and, eq, isNull, sql, type SQL } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import type { Db } from '../../context.ts'
import { assignments } from '../schema.ts'

/**
 * Creates the assignments of `ids`, a query, for a worker that runs for another and has room: they count as launched,
 * and must be claimed like any. To be composed into a system's own statement.
 */
export function hostedInsert(
  kind: string,
  ids: SQL,
  { host, owner }: { readonly host: SQL; readonly owner: SQL },
): SQL {
  return sql`
    insert into ${assignments}
      (id, kind, host, launched_by, launch, is_launched, launched_at, attempts, lease_until)
    select given.id, ${kind}, ${host}, ${owner}, 1, true, now(), 1, now() + make_interval(secs => ${LEASE_SEC})
    from (${ids}) given`
}

/** The assignments that a worker was given beside its own and has not claimed yet. */
export async function listUnclaimedOf(db: Db, host: string): Promise<string[]> {
  const rows = await db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(isNull(assignments.endedAt), eq(assignments.host, host), isNull(assignments.claimedAt)))
  return rows.map(({ id }) => id)
}
