import { and, inArray, isNotNull, isNull, sql } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import type { Db } from '../../context.ts'
import { assignments } from '../schema.ts'
import type { Assignment } from '../store.ts'

/** An assignment that counts as having a worker; the times are judged by the database's clock. */
export type LaunchedAssignment = Pick<
  Assignment,
  'id' | 'kind' | 'host' | 'launch' | 'isLaunched' | 'epoch' | 'attempts' | 'restarts' | 'claimedAt'
> & {
  readonly launchedBy: string
  /** Its worker's lease has run out. */
  readonly expired: boolean
  /** Its worker has had its time to start and claim. */
  readonly startupOver: boolean
}

/** The assignments whose worker was launched, and which have not ended. */
export async function listLaunched(db: Db, startupSec: number): Promise<LaunchedAssignment[]> {
  const {
    id,
    kind,
    host,
    launch,
    isLaunched,
    epoch,
    attempts,
    restarts,
    launchedAt,
    claimedAt,
    launchedBy,
    leaseUntil,
  } = assignments
  const rows = await db
    .select({
      id,
      kind,
      host,
      launch,
      isLaunched,
      epoch,
      attempts,
      restarts,

      claimedAt,
      launchedBy,
      expired: sql<boolean>`coalesce(${leaseUntil} < now(), false)`,
      startupOver: sql<boolean>`coalesce(${launchedAt} < now() - make_interval(secs => ${startupSec}), false)`,
    })
    .from(assignments)
    .where(and(isNull(assignments.endedAt), isNotNull(launchedBy), isNull(assignments.launchAt)))
  return rows.flatMap((row) => (row.launchedBy === null ? [] : [{ ...row, launchedBy: row.launchedBy }]))
}

/** Where an assignment is at: whether it has ended, and who has launched its present worker. */
export type Whereabouts = {
  readonly ended: boolean
  /** It has ended so long ago that its worker should be gone. */
  readonly endedLongAgo: boolean
  readonly launchedBy: string | null
  /** How often it has been launched. */
  readonly launch: number
}

/** The whereabouts of those of these assignments that are there. */
export async function findWhereabouts(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, Whereabouts>> {
  if (ids.length === 0) return new Map()
  const { id, endedAt, launch, launchedBy } = assignments
  const rows = await db
    .select({
      id,
      launch,
      launchedBy,
      ended: sql<boolean>`${endedAt} is not null`,
      endedLongAgo: sql<boolean>`coalesce(${endedAt} < now() - make_interval(secs => ${LEASE_SEC}), false)`,
    })
    .from(assignments)
    .where(inArray(id, [...ids]))
  return new Map(rows.map((row) => [row.id, row]))
}

/** Those of these workers that carry an assignment beside the one they were launched for, or after it. */
export async function findHosts(db: Db, names: readonly string[]): Promise<ReadonlySet<string | null>> {
  const { host, endedAt } = assignments
  const rows = await db
    .select({ host })
    .from(assignments)
    .where(and(isNull(endedAt), inArray(host, [...names])))
  return new Set(rows.map((row) => row.host))
}
