import { and, inArray, isNotNull, isNull, lte, sql } from 'drizzle-orm'

import { dueAt, type DueInMs } from '../../database/due-times.ts'
import type { Db } from '../../ports/database.ts'
import { assignments } from '../schema.ts'
import type { Assignment } from './assignments.ts'

const active = isNull(assignments.endedAt)

/** Longest duration of a launch, in seconds: a launch that is not recorded by then has lost its gateway. */
const LAUNCH_LEASE_SEC = 15

/** A request for launches: by this owner, of the kinds that its gateway knows, and at most `limit`. */
type LaunchRequest = { readonly owner: string; readonly kinds: readonly string[]; readonly limit: number }

const isOfKinds = (kinds: readonly string[]) => inArray(assignments.kind, [...kinds])

/** Takes the assignments whose workers are due to be launched; each counts as one attempt. */
export async function takeDueLaunches(db: Db, { owner, kinds, limit }: LaunchRequest): Promise<Assignment[]> {
  const due = db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(active, lte(assignments.launchAt, sql`now()`), isOfKinds(kinds)))
    .orderBy(assignments.launchAt)
    .limit(limit)
    .for('update', { skipLocked: true })
  // As an array: a plan that evaluates the subquery several times would take more rows than `limit`.
  return db
    .update(assignments)
    .set({
      launch: sql`${assignments.launch} + 1`,
      isLaunched: false,
      launchAt: null,
      launchedAt: sql`now()`,
      launchedBy: owner,
      claimedAt: null,
      host: null,
      leaseUntil: sql`now() + make_interval(secs => ${LAUNCH_LEASE_SEC})`,
      attempts: sql`${assignments.attempts} + 1`,
      restarts: 0,
    })
    .where(sql`${assignments.id} = any(array(${due}))`)
    .returning()
}

const waitsForLaunch = (kinds: readonly string[]) => and(active, isNotNull(assignments.launchAt), isOfKinds(kinds))

/** Returns when the next launch of these kinds is due. */
export function launchDueInMs(kinds: readonly string[]): DueInMs {
  return dueAt(sql`(select min(${assignments.launchAt}) from ${assignments} where ${waitsForLaunch(kinds)})`)
}

/** Returns in how many ms the next launch of these kinds is due; `null` where none waits. */
export async function nextLaunchInMs(db: Db, kinds: readonly string[]): Promise<number | null> {
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${assignments.launchAt}) - now()) * 1000)::float8` })
    .from(assignments)
    .where(waitsForLaunch(kinds))
  return row?.ms ?? null
}
