import { and, count, desc, eq, inArray, isNotNull, isNull, lt, lte, sql } from 'drizzle-orm'

import { lockUntilCommit } from '../../database/advisory-lock.ts'
import { dueAt, type DueInMs } from '../../database/due-times.ts'
import { monitors } from '../schema.ts'
import { transitionOf, type MonitorStatus, type MonitorStatusEvent } from '../status.ts'
import type { Db, DbOrTx, Tx } from '../../ports/database.ts'

export type Monitor = typeof monitors.$inferSelect
export type NewMonitor = typeof monitors.$inferInsert

const active = isNull(monitors.endedAt)

/** Locks the creation of monitors until the transaction ends, so that their count cannot exceed the limit. */
export async function lockMonitorCreation(tx: Tx): Promise<void> {
  await lockUntilCommit(tx, 'monitors.creation')
}

/** Returns how many monitors are active. */
export async function countActiveMonitors(db: DbOrTx): Promise<number> {
  const [row] = await db.select({ n: count() }).from(monitors).where(active)
  return row?.n ?? 0
}

/** Inserts a monitor; returns `null` where its stream has an active one already. */
export async function insertMonitor(tx: Tx, monitor: NewMonitor): Promise<Monitor | null> {
  const [row] = await tx.insert(monitors).values(monitor).onConflictDoNothing().returning()
  return row ?? null
}

/** Returns the id of the active monitor of a stream, or `null`. */
export async function findActiveMonitorOf(tx: Tx, streamKey: string): Promise<string | null> {
  const [row] = await tx
    .select({ id: monitors.id })
    .from(monitors)
    .where(and(eq(monitors.streamKey, streamKey), active))
  return row?.id ?? null
}

/** Returns a monitor, or `null`. */
export async function findMonitor(db: DbOrTx, id: string): Promise<Monitor | null> {
  const [row] = await db.select().from(monitors).where(eq(monitors.id, id))
  return row ?? null
}

export type MonitorPageRequest = {
  readonly status: MonitorStatus | undefined
  /** Only monitors older than this one. */
  readonly before: string | null
  readonly limit: number
  readonly offset: number
}

/** Returns monitors, the newest first: their ids sort by age. */
export function readMonitorPage(db: Db, page: MonitorPageRequest): Promise<Monitor[]> {
  return db
    .select()
    .from(monitors)
    .where(and(ofStatus(page.status), page.before === null ? undefined : lt(monitors.id, page.before)))
    .orderBy(desc(monitors.id))
    .limit(page.limit)
    .offset(page.offset)
}

/** Returns how many monitors there are, of one status or of all. */
export async function countMonitors(db: Db, status: MonitorStatus | undefined): Promise<number> {
  const [row] = await db.select({ n: count() }).from(monitors).where(ofStatus(status))
  return row?.n ?? 0
}

/** Returns how many monitors have each status. */
export function countMonitorsByStatus(db: Db): Promise<{ status: MonitorStatus; monitors: number }[]> {
  return db.select({ status: monitors.status, monitors: count() }).from(monitors).groupBy(monitors.status)
}

function ofStatus(status: MonitorStatus | undefined) {
  return status === undefined ? undefined : eq(monitors.status, status)
}

/** Ends an active monitor by an event; returns `null` where the event does not apply to it. */
export async function endMonitor(
  tx: Tx,
  id: string,
  event: MonitorStatusEvent,
  errorReason: string | null,
): Promise<Monitor | null> {
  const [row] = await tx
    .update(monitors)
    .set({ ...changeBy(event), errorReason, endedAt: sql`now()` })
    .where(and(eq(monitors.id, id), appliesTo(event)))
    .returning()
  return row ?? null
}

/** Returns the columns that an event changes. */
function changeBy(event: MonitorStatusEvent) {
  const { to } = transitionOf(event)
  if (to === null) throw new Error(`event ${event.kind} changes no status`)
  return { status: to, updatedAt: sql`now()` }
}

/** Returns the condition under which an event applies to a monitor. */
function appliesTo(event: MonitorStatusEvent) {
  return and(inArray(monitors.status, [...transitionOf(event).from]), active)
}

const START: MonitorStatusEvent = { kind: 'start_time_near' }

// The literal makes the partial index usable.
const mayStart = and(sql`${monitors.status} = 'scheduled'`, appliesTo(START))
const mayEnd = and(appliesTo({ kind: 'end_time_passed' }), isNotNull(monitors.giveUpAt))

/** When the lead time of a scheduled monitor begins, or the scheduled end of one without a live stream passes. */
export const SCHEDULE_DUE_IN_MS: DueInMs = dueAt(sql`least(
  (select min(${monitors.startAt}) from ${monitors} where ${mayStart}),
  (select min(${monitors.giveUpAt}) from ${monitors} where ${mayEnd}))`)

/** Returns the scheduled monitors whose lead time has begun. */
export async function listMonitorsToStart(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: monitors.id })
    .from(monitors)
    .where(and(mayStart, lte(monitors.startAt, sql`now()`)))
  return rows.map((row) => row.id)
}

/** Starts a scheduled monitor; returns false where it is not scheduled any more. */
export async function startScheduledMonitor(tx: Tx, id: string): Promise<boolean> {
  const started = await tx
    .update(monitors)
    .set(changeBy(START))
    .where(and(eq(monitors.id, id), appliesTo(START)))
    .returning({ id: monitors.id })
  return started.length > 0
}

/** Returns the monitors whose scheduled end has passed without a live stream. */
export async function listMonitorsPastTheirEnd(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: monitors.id })
    .from(monitors)
    .where(and(mayEnd, lte(monitors.giveUpAt, sql`now()`)))
  return rows.map((row) => row.id)
}
