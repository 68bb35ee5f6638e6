import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, lte, notInArray, or, sql } from 'drizzle-orm'

import { dueAt, type DueInMs } from '../../database/due-times.ts'
import { prepareQuery } from '../../database/prepared-query.ts'
import { outboxEvents, outboxLanes } from '../schema.ts'
import type { DeliveryPolicy } from '../retry-schedule.ts'
import type { Db, DbOrTx, Tx } from '../../ports/database.ts'

/** Lease of a lane, in seconds: longer than one attempt can take. */
const LANE_LEASE_SEC = 20

/** How many pending events of a lane are read at once. */
const DELIVERY_BATCH = 20

const leaseEnd = sql`now() + make_interval(secs => ${LANE_LEASE_SEC})`

export type NewEvent = {
  readonly eventId: string
  readonly eventType: string
  readonly url: string
  readonly body: string
  readonly policy: DeliveryPolicy
  readonly traceparent: string | null
  readonly signingKeyId: string | null
}
export type OutboxEvent = typeof outboxEvents.$inferSelect

/** Inserts events, numbered under their lane's row lock; they are due at once unless the lane waits for a retry. */
export async function insertEvents(tx: Tx, subject: string, events: readonly NewEvent[]): Promise<void> {
  await insertQuery(tx, { subject, count: events.length, events: JSON.stringify(events) })
}

const NEW_EVENTS = sql`
  select * from rows from (json_to_recordset(${sql.placeholder('events')}::json) as (
    "eventId" text, "eventType" text, url text, body text, policy text, traceparent text, "signingKeyId" text)) with ordinality`

/** The selected columns are those of the table, in its order. */
const insertQuery = prepareQuery('outbox_insert', (db) => {
  const count = sql`${sql.placeholder('count')}::int`
  const event = db.$with('event', {}).as(NEW_EVENTS)
  const lane = db.$with('lane').as(
    db
      .insert(outboxLanes)
      .values({ subject: sql`${sql.placeholder('subject')}`, lastSeq: count, pending: count, dueAt: sql`now()` })
      .onConflictDoUpdate({
        target: outboxLanes.subject,
        set: {
          lastSeq: sql`${outboxLanes.lastSeq} + ${count}`,
          pending: sql`${outboxLanes.pending} + ${count}`,
          dueAt: sql`coalesce(${outboxLanes.dueAt}, now())`,
        },
      })
      .returning({ subject: outboxLanes.subject, lastSeq: outboxLanes.lastSeq }),
  )
  return db.with(event, lane).insert(outboxEvents).select(sql`
    select "eventId", lane.subject, lane.last_seq - ${count} + ordinality, "eventType", url, traceparent, body, policy,
      "signingKeyId", 'pending', 0, 0, null::timestamptz, null, null::timestamptz, now()
    from event, lane`)
})

/** A request for lanes: at most `limit`, and none of those that the gateway delivers already (`busy`). */
export type LaneRequest = { readonly owner: string; readonly busy: readonly string[]; readonly limit: number }

/**
 * Takes due lanes that no gateway delivers, the longest due first. A lane that this gateway had taken and lost in an outage
 * of the database is its own again.
 */
export async function takeDueLanes(db: Db, { owner, busy, limit }: LaneRequest): Promise<string[]> {
  const free = or(
    isNull(outboxLanes.lockedUntil),
    lt(outboxLanes.lockedUntil, sql`now()`),
    eq(outboxLanes.lockedBy, owner),
  )
  const due = db
    .select({ subject: outboxLanes.subject })
    .from(outboxLanes)
    .where(and(lte(outboxLanes.dueAt, sql`now()`), free, notInArray(outboxLanes.subject, [...busy])))
    .orderBy(asc(outboxLanes.dueAt))
    .limit(limit)
    .for('update', { skipLocked: true })
  const taken = await db
    .update(outboxLanes)
    .set({ lockedBy: owner, lockedUntil: leaseEnd })
    // As an array: a plan that evaluates the subquery several times would take more rows than `limit`.
    .where(sql`${outboxLanes.subject} = any(array(${due}))`)
    .returning({ subject: outboxLanes.subject })
  return taken.map((lane) => lane.subject)
}

/** Returns how many events wait for their delivery, and for how long the oldest has, in seconds, by policy. */
export function countPending(db: Db) {
  const oldestSec = sql<number>`extract(epoch from now() - min(${outboxEvents.createdAt}))::float8`
  return db
    .select({ policy: outboxEvents.policy, pending: sql<number>`count(*)::int`, oldestSec })
    .from(outboxEvents)
    .where(sql`${outboxEvents.status} = 'pending'`)
    .groupBy(outboxEvents.policy)
}

/** Returns the gateways that hold lanes; a lane without a due time has no holder. */
export async function listLaneOwners(db: Db): Promise<string[]> {
  const rows = await db
    .selectDistinct({ owner: outboxLanes.lockedBy })
    .from(outboxLanes)
    .where(and(isNotNull(outboxLanes.dueAt), isNotNull(outboxLanes.lockedBy)))
  return rows.flatMap((row) => row.owner ?? [])
}

/** Frees the lanes of gateways that are known to be dead, so that their leases need not expire. */
export async function freeLanesOf(db: Db, owners: readonly string[]): Promise<void> {
  if (owners.length === 0) return
  await db
    .update(outboxLanes)
    .set({ lockedBy: null, lockedUntil: null })
    .where(and(isNotNull(outboxLanes.dueAt), inArray(outboxLanes.lockedBy, [...owners])))
}

/** Returns when the next lane that no other gateway than `owner` delivers becomes due. */
export function laneDueInMs(owner: string): DueInMs {
  const lease = sql`case when ${outboxLanes.lockedBy} = ${owner} then null else ${outboxLanes.lockedUntil} end`
  return dueAt(sql`(
    select min(greatest(${outboxLanes.dueAt}, ${lease})) from ${outboxLanes} where ${outboxLanes.dueAt} is not null)`)
}

/** Returns in how many ms the next lane that no gateway delivers becomes due; `null` where none waits. */
export async function nextDeliveryInMs(db: Db): Promise<number | null> {
  const ready = sql`greatest(${outboxLanes.dueAt}, ${outboxLanes.lockedUntil})`
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${ready}) - now()) * 1000)::float8` })
    .from(outboxLanes)
    .where(sql`${outboxLanes.dueAt} is not null`)
  return row?.ms ?? null
}

const pendingQuery = prepareQuery('outbox_pending', (db) =>
  db
    .select()
    .from(outboxEvents)
    .where(and(eq(outboxEvents.subject, sql.placeholder('subject')), eq(outboxEvents.status, 'pending')))
    .orderBy(asc(outboxEvents.seq))
    .limit(DELIVERY_BATCH),
)

/** Returns the oldest pending events of a lane, in order. */
export function listPending(db: Db, subject: string): Promise<OutboxEvent[]> {
  return pendingQuery(db, { subject })
}

/** An event that its receiver has accepted with a 2xx answer. */
export type DeliveredEvent = { readonly subject: string; readonly eventId: string }

/** How many accepted events one statement records: Postgres plans for this many. */
export const MAX_DELIVERED = 64

/**
 * Records 2xx answers in one statement, and renews the leases of their lanes. Returns for each event
 * whether it was recorded; `false`: the lane belongs to another gateway by now.
 */
export async function recordDelivered(db: Db, owner: string, events: readonly DeliveredEvent[]): Promise<boolean[]> {
  const rows = await deliveredQuery(db, { owner, events: JSON.stringify(events) })
  const recorded = new Set(rows.map((row) => row.eventId))
  return events.map((event) => recorded.has(event.eventId))
}

const DELIVERED = sql`
  select * from json_to_recordset(${sql.placeholder('events')}::json) as given (subject text, "eventId" text)
  limit ${sql.raw(String(MAX_DELIVERED))}`

/** Locks the lanes in one order, as every statement that takes several. */
const deliveredQuery = prepareQuery('outbox_delivered', (db) => {
  const delivered = db.$with('delivered', {}).as(DELIVERED)
  const held = db.$with('held', {}).as(sql`
    select subject from ${outboxLanes}
    where subject in (select subject from delivered) and ${outboxLanes.lockedBy} = ${sql.placeholder('owner')}
    order by subject for update`)
  const count = sql`(select count(*) from delivered where delivered.subject = outbox_lanes.subject)`
  const renewed = db.$with('renewed').as(
    db
      .update(outboxLanes)
      .set({ pending: sql`${outboxLanes.pending} - ${count}`, lockedUntil: leaseEnd })
      .from(sql`held`)
      .where(sql`${outboxLanes.subject} = held.subject`)
      .returning({ subject: outboxLanes.subject }),
  )
  return db
    .with(delivered, held, renewed)
    .update(outboxEvents)
    .set({
      status: 'delivered',
      attempts: sql`${outboxEvents.attempts} + 1`,
      lastAttemptAt: sql`now()`,
      deliveredAt: sql`now()`,
      lastError: null,
    })
    .from(sql`delivered join held using (subject)`)
    .where(sql`${outboxEvents.eventId} = delivered."eventId"`)
    .returning({ eventId: outboxEvents.eventId })
})

export type FailedAttempt = {
  readonly owner: string
  readonly event: OutboxEvent
  readonly error: string
}

/** Records a failed attempt and releases the lane until the next attempt is due. */
export async function scheduleRetry(db: Db, attempt: FailedAttempt, inMs: number): Promise<void> {
  await db.transaction(async (tx) => {
    const released = await tx
      .update(outboxLanes)
      .set({ dueAt: sql`now() + make_interval(secs => ${inMs / 1000})`, lockedBy: null, lockedUntil: null })
      .where(and(eq(outboxLanes.subject, attempt.event.subject), eq(outboxLanes.lockedBy, attempt.owner)))
      .returning({ subject: outboxLanes.subject })
    if (released.length > 0) await recordAttempt(tx, attempt, 'pending')
  })
}

/** Records the last failed attempt. Returns false, with no change, where the lane belongs to another gateway by now. */
export async function recordFinalFailure(tx: Tx, attempt: FailedAttempt): Promise<boolean> {
  const held = await tx
    .update(outboxLanes)
    .set({ pending: sql`${outboxLanes.pending} - 1`, lockedUntil: leaseEnd })
    .where(and(eq(outboxLanes.subject, attempt.event.subject), eq(outboxLanes.lockedBy, attempt.owner)))
    .returning({ subject: outboxLanes.subject })
  if (held.length === 0) return false
  await recordAttempt(tx, attempt, 'failed')
  return true
}

async function recordAttempt(tx: Tx, attempt: FailedAttempt, status: 'pending' | 'failed'): Promise<void> {
  await tx
    .update(outboxEvents)
    .set({ status, attempts: attempt.event.attempts + 1, lastAttemptAt: sql`now()`, lastError: attempt.error })
    .where(eq(outboxEvents.eventId, attempt.event.eventId))
}

/** Releases a lane. Events that were stored meanwhile are counted in the lane's row, so none can be missed. */
export async function releaseLane(db: Db, owner: string, subject: string): Promise<void> {
  await db
    .update(outboxLanes)
    .set({ lockedBy: null, lockedUntil: null, dueAt: sql`case when ${outboxLanes.pending} > 0 then now() end` })
    .where(and(eq(outboxLanes.subject, subject), eq(outboxLanes.lockedBy, owner)))
}

/** Returns a subject's events, the newest first, before the given number. */
export function listEvents(db: DbOrTx, subject: string, before: number, limit: number): Promise<OutboxEvent[]> {
  return db
    .select()
    .from(outboxEvents)
    .where(and(eq(outboxEvents.subject, subject), lt(outboxEvents.seq, before)))
    .orderBy(desc(outboxEvents.seq))
    .limit(limit)
}

/**
 * Makes an event due again, from its first attempt; one that waits for a retry of a policy other than `strict` is tried at
 * once. Other events of the lane keep their times. Returns false where the subject has no such event.
 */
export async function requeueEvent(tx: Tx, subject: string, eventId: string): Promise<boolean> {
  await tx.select().from(outboxLanes).where(eq(outboxLanes.subject, subject)).for('update')
  const own = and(eq(outboxEvents.eventId, eventId), eq(outboxEvents.subject, subject))
  const [event] = await tx.select().from(outboxEvents).where(own)
  if (event === undefined) return false
  const lane = tx.update(outboxLanes)
  if (event.status === 'pending') {
    const isWaitedFor = event.policy !== 'strict'
    if (isWaitedFor) await lane.set({ dueAt: sql`now()` }).where(eq(outboxLanes.subject, subject))
    return true
  }
  await tx
    .update(outboxEvents)
    .set({ status: 'pending', attempts: 0, redeliveries: sql`${outboxEvents.redeliveries} + 1` })
    .where(own)
  await lane
    .set({ pending: sql`${outboxLanes.pending} + 1`, dueAt: sql`coalesce(${outboxLanes.dueAt}, now())` })
    .where(eq(outboxLanes.subject, subject))
  return true
}
