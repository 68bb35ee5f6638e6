import { and, eq, isNull, sql, type SQL } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import type { Db } from '../../context.ts'
import { assignments } from '../schema.ts'

/** The worker that carries an assignment beside its own: its name, its launcher, and the process, where it says which. */
type Carrier = { readonly host: SQL; readonly owner: SQL; readonly claimant: SQL }

/**
 * Creates the assignments of `ids`, a query, for a worker that runs for another and has room: they count as launched,
 * and as claimed by the process that has said its name (`HOSTED_EPOCH`). To be composed into a system's own statement.
 */
export function hostedInsert(kind: string, ids: SQL, { host, owner, claimant }: Carrier): SQL {
  return sql`
    insert into ${assignments}
      (id, kind, host, launched_by, launch, is_launched, launched_at, attempts, lease_until, epoch, claimed_at, claimants)
    select given.id, ${kind}, ${host}, ${owner}, 1, true, now(), 1, now() + make_interval(secs => ${LEASE_SEC}),
      case when process.name is null then 0 else ${HOSTED_EPOCH}::int end,
      case when process.name is not null then now() end, array_remove(array[process.name], null)
    from (${ids}) given, (select ${claimant}::text as name) process`
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
