import { and, inArray, isNotNull, isNull, sql } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import { assignments } from '../schema.ts'
import type { Assignment } from './assignments.ts'
import type { Db } from '../../ports/database.ts'

/** An assignment that should have a worker; its times are compared by the database's clock. */
export type LaunchedAssignment = Pick<
  Assignment,
  'id' | 'kind' | 'host' | 'launch' | 'isLaunched' | 'epoch' | 'attempts' | 'restarts' | 'claimedAt'
> & {
  readonly launchedBy: string
  /** Its lease has expired. */
  readonly expired: boolean
  /** The time to start and claim is over. */
  readonly startupOver: boolean
}

/** Returns the assignments whose worker was launched and which have not ended. */
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

/** Whether an assignment has ended, and which launcher launched its current worker. */
export type Placement = {
  readonly ended: boolean
  /** It ended more than a lease ago, so its worker should be gone. */
  readonly endedLongAgo: boolean
  readonly launchedBy: string | null
  /** Number of its launches. */
  readonly launch: number
}

/** Returns the placements of these assignments, by id, as far as they exist. */
export async function findPlacements(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, Placement>> {
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

/** Returns those of these workers that work on an assignment other than the one they were launched for. */
export async function findReusedWorkers(db: Db, names: readonly string[]): Promise<ReadonlySet<string | null>> {
  const { host, endedAt } = assignments
  const rows = await db
    .select({ host })
    .from(assignments)
    .where(and(isNull(endedAt), inArray(host, [...names])))
  return new Set(rows.map((row) => row.host))
}
