import { and, eq, isNotNull, isNull, lt, lte, sql, type SQL } from 'drizzle-orm'

import { LEASE_SEC } from '../../shared/contract/assignment.ts'
import type { Db, DbOrTx, Tx } from '../context.ts'
import { statement } from '../statement.ts'
import type { AttemptRule } from './attempts.ts'
import { assignments } from './schema.ts'

export type Assignment = typeof assignments.$inferSelect

/** An assignment as logs name it: by its kind, as in `monitor_id`. */
export function logId({ kind, id }: Pick<Assignment, 'kind' | 'id'>): Record<string, string> {
  return { [`${kind}_id`]: id }
}

/** A worker that has been reporting for this long counts as stable: its assignment's attempts start anew. */
const STABLE_AFTER_SEC = 60

const active = isNull(assignments.endedAt)
const seconds = (sec: number | ReturnType<typeof sql.placeholder>) => sql`now() + make_interval(secs => ${sec})`

/** Creates assignments whose workers are to be launched at once. */
export async function insertAssignments(tx: Tx, kind: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx.insert(assignments).values(ids.map((id) => ({ id, kind, launchAt: sql`now()` })))
}

/** Ends an assignment: whatever worker it has may say nothing more. False where it had ended before. */
export async function endAssignment(tx: DbOrTx, id: string): Promise<boolean> {
  return (await ended(tx, { id })).length > 0
}

const ENDED = { endedAt: sql`now()`, launchAt: null, leaseUntil: null, resume: null }

const ended = statement('end_assignment', (db) =>
  db
    .update(assignments)
    .set(ENDED)
    .where(and(eq(assignments.id, sql.placeholder('id')), active))
    .returning({ id: assignments.id }),
)

export async function findAssignment(db: DbOrTx, id: string): Promise<Assignment | null> {
  const [row] = await db.select().from(assignments).where(eq(assignments.id, id))
  return row ?? null
}

/** How many claimants an assignment remembers: their claims may come again, doubled or replayed. */
const KEPT_CLAIMANTS = 10

/** Raises the epoch for a process that has not claimed before; `null` where it has, or nothing is there to be claimed. */
export async function raiseEpoch(db: Db, id: string, claimant: string): Promise<Assignment | null> {
  const [row] = await raised(db, { id, claimant })
  return row ?? null
}

const raised = statement('raise_epoch', (db) => claimUpdate(db, sql`true`))

/**
 * The update behind `raiseEpoch`, by the placeholders `id` and `claimant`, where `condition` holds; to be composed like
 * `callUpdate`.
 */
export function claimUpdate(db: DbOrTx, condition: SQL) {
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
 * The update that counts one call of a worker: it holds only for the present epoch and a number that was not counted
 * yet, and renews the lease. Placeholders: `id`, `epoch`, `seq`, `resume`. Its statement can be composed into a
 * system's own as a CTE, so that a report costs one round trip.
 */
export function callUpdate(db: DbOrTx, { forgivesStable }: Pick<AttemptRule, 'forgivesStable'>) {
  const stable = forgivesStable
    ? sql`${assignments.claimedAt} < now() - make_interval(secs => ${STABLE_AFTER_SEC})`
    : sql`false`
  return db
    .update(assignments)
    .set({
      seq: sql`${sql.placeholder('seq')}`,
      resume: sql`${sql.placeholder('resume')}`,
      leaseUntil: seconds(LEASE_SEC),
      attempts: sql`case when ${stable} then 0 else ${assignments.attempts} end`,
    })
    .where(countsCall)
    .returning()
}

const countsCall = and(
  eq(assignments.id, sql.placeholder('id')),
  eq(assignments.epoch, sql.placeholder('epoch')),
  lt(assignments.seq, sql.placeholder('seq')),
  active,
)

/** Whether a call counts, in a system's own statement: `call` is the row with its `epoch` and `seq`. */
export function countsAs(call: string): SQL {
  const [epoch, seq] = ['epoch', 'seq'].map((column) => sql`${sql.identifier(call)}.${sql.identifier(column)}`)
  return sql`${assignments.epoch} = ${epoch} and ${assignments.seq} < ${seq} and ${active}`
}

/** The update that ends the assignments of calls that count, and are their last: a query of their `id` and `seq`. */
export function lastCallsUpdate(db: DbOrTx, calls: SQL) {
  return db
    .update(assignments)
    .set({ ...ENDED, seq: sql`call.seq` })
    .from(sql`(${calls}) call`)
    .where(sql`${assignments.id} = call.id`)
    .returning({ id: assignments.id, launchedBy: assignments.launchedBy })
}

/** Above every number that a call can have. */
const LAST_SEQ = 2_147_483_647

/** Of a worker that has said its last word: none of its later calls counts, even before another one has claimed. */
export async function muteWorker(tx: Tx, id: string): Promise<void> {
  await tx.update(assignments).set({ seq: LAST_SEQ }).where(eq(assignments.id, id))
}

/** For how long a launch may be under way: where it was not noted as done by then, its gateway is gone. */
const LAUNCH_LEASE_SEC = 15

/** Takes the assignments whose worker is to be launched, for `owner`; each counts as one attempt. */
export async function takeDueLaunches(db: Db, owner: string, limit: number): Promise<Assignment[]> {
  const due = db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(active, lte(assignments.launchAt, sql`now()`)))
    .orderBy(assignments.launchAt)
    .limit(limit)
    .for('update', { skipLocked: true })
  // As an array: a plan that looks the rows up again and again would take more than so many.
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
      leaseUntil: seconds(LAUNCH_LEASE_SEC),
      attempts: sql`${assignments.attempts} + 1`,
      restarts: 0,
    })
    .where(sql`${assignments.id} = any(array(${due}))`)
    .returning()
}

/** What a kind's assignments that have not ended are carried by. */
export function listCarriers(db: DbOrTx, kind: string): Promise<(Launch & Pick<Assignment, 'host'>)[]> {
  const { id, launch, host } = assignments
  return db
    .select({ id, launch, host })
    .from(assignments)
    .where(and(active, eq(assignments.kind, kind)))
}

/** Notes that a worker is there: it has until `startupSec` after its launch to claim. False where it has claimed. */
export async function noteLaunched(db: Db, launch: Launch, startupSec: number): Promise<boolean> {
  const leaseUntil = sql`${assignments.launchedAt} + make_interval(secs => ${startupSec})`
  const noted = await db
    .update(assignments)
    .set({ leaseUntil, isLaunched: true })
    .where(and(sameLaunch(launch), isNull(assignments.claimedAt)))
    .returning({ id: assignments.id })
  return noted.length > 0
}

/** Notes that a worker's launcher has started it again: that is another attempt, and it has `claimWithinSec` to claim. */
export async function noteRestarts(
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

/**
 * Gives every launched worker a whole lease from now: nobody was there to hear them, so none can count as silent.
 */
export async function renewLeases(db: Db): Promise<void> {
  await db
    .update(assignments)
    .set({ leaseUntil: sql`greatest(${assignments.leaseUntil}, ${seconds(LEASE_SEC)})` })
    .where(and(active, isNotNull(assignments.claimedAt), isNull(assignments.launchAt)))
}

/** Whether there is a launched worker whose lease has run out. */
export async function hasExpiredLease(db: Db): Promise<boolean> {
  const [row] = await db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(active, lt(assignments.leaseUntil, sql`now()`)))
    .limit(1)
  return row !== undefined
}

/** In how many ms the next launch is due; `null` where none is waited for. */
export async function nextLaunchInMs(db: Db): Promise<number | null> {
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${assignments.launchAt}) - now()) * 1000)::float8` })
    .from(assignments)
    .where(and(active, isNotNull(assignments.launchAt)))
  return row?.ms ?? null
}

/** Whether a launch is still the present one, and its worker's lease run out. */
export async function isExpired(db: Db, launch: Launch): Promise<boolean> {
  const rows = await db
    .select({ id: assignments.id })
    .from(assignments)
    .where(and(sameLaunch(launch), lt(assignments.leaseUntil, sql`now()`)))
  return rows.length > 0
}

/** One launch of an assignment, by which a change is tied to the worker that it is about. */
export type Launch = Pick<Assignment, 'id' | 'launch'>

function sameLaunch({ id, launch }: Launch) {
  return and(eq(assignments.id, id), eq(assignments.launch, launch), isNull(assignments.launchAt), active)
}

/** Has a lost worker's assignment launched again after a pause. False where another gateway was first. */
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

/** Ends an assignment whose workers are used up, with how many there were. False where another gateway was first. */
export async function giveUp(tx: Tx, launch: Launch & Pick<Assignment, 'attempts'>): Promise<boolean> {
  const changed = await tx
    .update(assignments)
    .set({ endedAt: sql`now()`, leaseUntil: null, resume: null, attempts: launch.attempts })
    .where(sameLaunch(launch))
    .returning({ id: assignments.id })
  return changed.length > 0
}

/** A launch that ended with its gateway was no attempt. */
const UNCOUNTED = sql`greatest(${assignments.attempts} - 1, 0)`

/** Leaves what `owner` had launched to the next gateway, at no cost in attempts. */
export async function releaseLaunches(db: Db, owner: string): Promise<void> {
  await db
    .update(assignments)
    .set({ launchAt: sql`now()`, launchedBy: null, leaseUntil: null, attempts: UNCOUNTED })
    .where(and(eq(assignments.launchedBy, owner), active, isNull(assignments.launchAt)))
}
