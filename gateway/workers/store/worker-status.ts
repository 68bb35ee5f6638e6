import { and, count, desc, isNull, lt, sql } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import { assignments } from '../schema.ts'
import type { WorkerState } from '../worker-states.ts'
import type { Db } from '../../ports/database.ts'

const active = isNull(assignments.endedAt)

/** By the database's clock. */
const state = sql<WorkerState>`case
  when ${assignments.launchAt} is not null or ${assignments.launchedBy} is null then 'waiting'
  when ${assignments.leaseUntil} < now() then 'silent'
  when ${assignments.claimedAt} is null then 'starting'
  else 'running' end`

/** Each call of a worker renews its lease. */
const lastSeenAt = sql<
  string | null
>`case when ${assignments.claimedAt} is not null then least(now(), ${assignments.leaseUntil} - make_interval(secs => ${LEASE_SEC})) end`

const dueSec = sql<number>`coalesce(greatest(0, extract(epoch from now() - min(${assignments.launchAt}))), 0)::float8`

/** Returns the number of workers by kind and state, and how long the first waiting one has been due, in seconds. */
export function countWorkers(db: Db) {
  return db
    .select({ kind: assignments.kind, state, workers: count(), dueSec })
    .from(assignments)
    .where(active)
    .groupBy(assignments.kind, sql`2`)
}

/** The worker of an assignment, from its row. */
export type WorkerRow = Awaited<ReturnType<typeof listWorkers>>[number]

/** Returns the workers of all assignments that have not ended, the newest first, before the given one. */
export function listWorkers(db: Db, before: string | null, limit: number) {
  const { id, kind, host, launch, epoch, attempts, launchAt, launchedAt, launchedBy, claimedAt } = assignments
  return db
    .select({ id, kind, host, launch, epoch, attempts, launchAt, launchedAt, launchedBy, claimedAt, state, lastSeenAt })
    .from(assignments)
    .where(and(active, before === null ? undefined : lt(id, before)))
    .orderBy(desc(id))
    .limit(limit)
}
