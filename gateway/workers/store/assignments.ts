import { and, eq, isNotNull, isNull, lt, sql, type SQL } from 'drizzle-orm'

import { LEASE_SEC } from '../../../shared/contract/assignment.ts'
import { dueAt, dueWhile, type DueInMs } from '../../database/due-times.ts'
import { prepareQuery } from '../../database/prepared-query.ts'
import type { AttemptRule } from '../attempts.ts'
import { assignments } from '../schema.ts'
import type { Db, DbOrTx, Tx } from '../../ports/database.ts'

export type Assignment = typeof assignments.$inferSelect

const active = isNull(assignments.endedAt)
const seconds = (sec: number | ReturnType<typeof sql.placeholder>) => sql`now() + make_interval(secs => ${sec})`

/** Inserts assignments whose workers are due to be launched now. */
export async function insertAssignments(tx: Tx, kind: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx.insert(assignments).values(ids.map((id) => ({ id, kind, launchAt: sql`now()` })))
}

/** Ends an assignment; its worker may make no further call. Returns false where it had ended before. */
export async function endAssignment(tx: DbOrTx, id: string): Promise<boolean> {
  return (await endAssignmentQuery(tx, { id })).length > 0
}

const ENDED = { endedAt: sql`now()`, launchAt: null, leaseUntil: null, resume: null }

const endAssignmentQuery = prepareQuery('end_assignment', (db) =>
  db
    .update(assignments)
    .set(ENDED)
    .where(and(eq(assignments.id, sql.placeholder('id')), active))
    .returning({ id: assignments.id }),
)

/** Returns an assignment, or `null`. */
export async function findAssignment(db: DbOrTx, id: string): Promise<Assignment | null> {
  const [row] = await db.select().from(assignments).where(eq(assignments.id, id))
  return row ?? null
}

/** How many claimants an assignment stores: their claims may arrive again. */
const KEPT_CLAIMANTS = 10

/** Raises the epoch for a process that has not claimed before; returns `null` where it has, or the assignment has ended. */
export async function raiseEpoch(db: DbOrTx, id: string, claimant: string): Promise<Assignment | null> {
  const [row] = await raiseEpochQuery(db, { id, claimant })
  return row ?? null
}

const raiseEpochQuery = prepareQuery('raise_epoch', (db) => claimQuery(db, sql`true`))

/**
 * Returns the update behind `raiseEpoch`, where `condition` holds. Its placeholders are `id` and `claimant`. A system can
 * compose it into its own statement.
 */
export function claimQuery(db: DbOrTx, condition: SQL) {
  const claimant = sql.placeholder('claimant')
  const claimants = sql`array_append(${assignments.claimants}, ${claimant})`
  const length = sql`cardinality(${assignments.claimants})`
  return db
    .update(assignments)
    .set({
      epoch: sql`${assignments.epoch} + 1`,
      seq: 0,
      claimedAt: sql`now()`,
      leaseUntil: seconds(LEASE_SEC),
      claimants: sql`(${claimants})[greatest(1, ${length} + 2 - ${KEPT_CLAIMANTS}):]`,
    })
    .where(
      and(
        eq(assignments.id, sql.placeholder('id')),
        active,
        condition,
        sql`${claimant} <> all(${assignments.claimants})`,
      ),
    )
    .returning()
}

/**
 * Returns the update that counts one call: of the current epoch, with a sequence number that was not counted yet. It renews
 * the lease. Its placeholders are `id`, `epoch`, `seq` and `resume`. A system can compose it into its own statement.
 */
export function countCallQuery(db: DbOrTx, rule: CountRule) {
  return db
    .update(assignments)
    .set({ seq: sql`${sql.placeholder('seq')}`, resume: sql`${sql.placeholder('resume')}`, ...renewal(rule) })
    .where(callCounts)
    .returning()
}

/** Returns the update that counts several calls likewise; `calls` is a query of their `id`, `epoch`, `seq` and `resume`. */
export function countCallsQuery(db: DbOrTx, rule: CountRule, calls: SQL) {
  return db
    .update(assignments)
    .set({ seq: sql`call.seq`, resume: sql`call.resume::json`, ...renewal(rule) })
    .from(sql`(${calls}) call`)
    .where(sql`${assignments.id} = call.id and ${callCountsIn('call')}`)
    .returning({ id: assignments.id })
}

type CountRule = Pick<AttemptRule, 'stableAfterSec'>

/** Returns what a counted call renews: the lease, and the attempts of a worker that has proven stable. */
function renewal({ stableAfterSec }: CountRule) {
  const stable =
    stableAfterSec === null
      ? sql`false`
      : sql`${assignments.claimedAt} < now() - make_interval(secs => ${stableAfterSec})`
  return { leaseUntil: seconds(LEASE_SEC), attempts: sql`case when ${stable} then 0 else ${assignments.attempts} end` }
}

const callCounts = and(
  eq(assignments.id, sql.placeholder('id')),
  eq(assignments.epoch, sql.placeholder('epoch')),
  lt(assignments.seq, sql.placeholder('seq')),
  active,
)

/** Returns the condition that a call counts, for a system's own statement; `call` names the row with `epoch` and `seq`. */
export function callCountsIn(call: string): SQL {
  const [epoch, seq] = ['epoch', 'seq'].map((column) => sql`${sql.identifier(call)}.${sql.identifier(column)}`)
  return sql`${assignments.epoch} = ${epoch} and ${assignments.seq} < ${seq} and ${active}`
}

/** Returns the update that ends the assignments of last calls; `calls` is a query of their `id` and `seq`. */
export function endByLastCallsQuery(db: DbOrTx, calls: SQL) {
  return db
    .update(assignments)
    .set({ ...ENDED, seq: sql`call.seq` })
    .from(sql`(${calls}) call`)
    .where(sql`${assignments.id} = call.id`)
    .returning({ id: assignments.id, launchedBy: assignments.launchedBy })
}

/** The highest sequence number. */
const LAST_SEQ = 2_147_483_647

/** Refuses every later call of the current worker, also before another one has claimed. */
export async function refuseFurtherCalls(tx: Tx, id: string): Promise<void> {
  await tx.update(assignments).set({ seq: LAST_SEQ }).where(eq(assignments.id, id))
}

/** Returns the workers of a kind's assignments that have not ended. */
export function listRunningWorkers(db: DbOrTx, kind: string): Promise<(Launch & Pick<Assignment, 'host'>)[]> {
  const { id, launch, host } = assignments
  return db
    .select({ id, launch, host })
    .from(assignments)
    .where(and(active, eq(assignments.kind, kind)))
}

/** Returns the expression for work that is due while the workers of a kind are not those of these ids. */
export function workersDiffer(kind: string, ids: readonly string[]): DueInMs {
  const running = sql`select ${assignments.id} from ${assignments} where ${active} and ${assignments.kind} = ${kind}`
  const wanted = sql`select json_array_elements_text(${JSON.stringify(ids)}::json)`
  return dueWhile(sql`(exists (${running} except ${wanted}) or exists (${wanted} except ${running}))`)
}

/** Records that a worker runs: it must claim within `startupSec` of its launch. Returns false where it has claimed. */
export async function recordLaunch(db: Db, launch: Launch, startupSec: number): Promise<boolean> {
  const leaseUntil = sql`${assignments.launchedAt} + make_interval(secs => ${startupSec})`
  const noted = await db
    .update(assignments)
    .set({ leaseUntil, isLaunched: true })
    .where(and(sameLaunch(launch), isNull(assignments.claimedAt)))
    .returning({ id: assignments.id })
  return noted.length > 0
}

/** Records that a launcher restarted its worker: another attempt, which must claim within `claimWithinSec`. */
export async function recordRestarts(
  db: Db,
  launch: Launch,
  counts: Pick<Assignment, 'restarts' | 'attempts'>,
  claimWithinSec: number,
): Promise<boolean> {
  const noted = await db
    .update(assignments)
    .set({ ...counts, leaseUntil: sql`greatest(${assignments.leaseUntil}, ${seconds(claimWithinSec)})` })
    .where(and(sameLaunch(launch), lt(assignments.restarts, counts.restarts)))
    .returning({ id: assignments.id })
  return noted.length > 0
}

/** Renews the lease of every launched worker a whole lease from now, after a time in which no gateway could receive their calls. */
export async function renewLeases(db: Db): Promise<void> {
  await db
    .update(assignments)
    .set({ leaseUntil: sql`greatest(${assignments.leaseUntil}, ${seconds(LEASE_SEC)})` })
    .where(and(active, isNotNull(assignments.claimedAt), isNull(assignments.launchAt)))
}

/** When the first lease of a launched worker expires. */
export const LEASE_DUE_IN_MS: DueInMs = dueAt(
  sql`(select min(${assignments.leaseUntil}) from ${assignments} where ${active})`,
)

/** Returns whether a launch is still the current one and its lease has expired. */
export async function hasLeaseExpired(db: Db, launch: Launch): Promise<boolean> {
  const rows = await db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(sameLaunch(launch), lt(assignments.leaseUntil, sql`now()`)))
  return rows.length > 0
}

/** One launch of an assignment: it ties a change to the worker that the change is about. */
export type Launch = Pick<Assignment, 'id' | 'launch'>

function sameLaunch({ id, launch }: Launch) {
  return and(eq(assignments.id, id), eq(assignments.launch, launch), isNull(assignments.launchAt), active)
}

/** Schedules the relaunch of a lost worker. Returns false where another gateway was first. */
export async function scheduleRelaunch(
  db: DbOrTx,
  launch: Launch,
  pause: { afterMs: number; attempts: number },
): Promise<boolean> {
  const changed = await db
    .update(assignments)
    .set({
      launchAt: seconds(pause.afterMs / 1000),
      launchedBy: null,
      leaseUntil: null,
      attempts: pause.attempts,
    })
    .where(sameLaunch(launch))
    .returning({ id: assignments.id })
  return changed.length > 0
}

/** Ends an assignment whose attempts are used up. Returns false where another gateway was first. */
export async function giveUpAssignment(tx: Tx, launch: Launch & Pick<Assignment, 'attempts'>): Promise<boolean> {
  const changed = await tx
    .update(assignments)
    .set({ endedAt: sql`now()`, leaseUntil: null, resume: null, attempts: launch.attempts })
    .where(sameLaunch(launch))
    .returning({ id: assignments.id })
  return changed.length > 0
}

/** A launch that ended with its gateway is no attempt. */
const ONE_ATTEMPT_LESS = sql`greatest(${assignments.attempts} - 1, 0)`

/** Releases what `owner` had launched to the next gateway, at no cost in attempts. */
export async function releaseLaunches(db: Db, owner: string): Promise<void> {
  await db
    .update(assignments)
    .set({ launchAt: sql`now()`, launchedBy: null, leaseUntil: null, attempts: ONE_ATTEMPT_LESS })
    .where(and(eq(assignments.launchedBy, owner), active, isNull(assignments.launchAt)))
}
