import { and, count, desc, eq, getTableColumns, isNull, lt, lte, sql } from 'drizzle-orm'

import type { MonitorReport, MonitorStatistics } from '../../shared/contract/monitors.ts'
import type { Db, DbOrTx, Tx } from '../context.ts'
import { callUpdate } from '../workers/store.ts'
import { MONITOR_ATTEMPTS } from './attempts.ts'
import { monitors } from './schema.ts'
import { isFinal, MONITOR_STATUSES, nextStatus, type FinalStatus, type MonitorStatus } from './status.ts'

export type Monitor = typeof monitors.$inferSelect
export type NewMonitor = typeof monitors.$inferInsert

const active = isNull(monitors.endedAt)

/** Creations go one at a time, so that their count cannot pass the limit: a number of our own for Postgres' lock. */
const CREATION_LOCK = 7_311_001

/** Holds back all other creations until the transaction ends. */
export async function lockCreation(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${CREATION_LOCK})`)
}

export async function countActive(db: DbOrTx): Promise<number> {
  const [row] = await db.select({ n: count() }).from(monitors).where(active)
  return row?.n ?? 0
}

/** Inserts a monitor; `null` where the stream has an active one already. */
export async function insertMonitor(tx: Tx, monitor: NewMonitor): Promise<Monitor | null> {
  const [row] = await tx.insert(monitors).values(monitor).onConflictDoNothing().returning()
  return row ?? null
}

/** The id of the active monitor of a stream. */
export async function activeMonitorOf(tx: Tx, streamKey: string): Promise<string | null> {
  const [row] = await tx
    .select({ id: monitors.id })
    .from(monitors)
    .where(and(eq(monitors.streamKey, streamKey), active))
  return row?.id ?? null
}

export async function findMonitor(db: DbOrTx, id: string): Promise<Monitor | null> {
  const [row] = await db.select().from(monitors).where(eq(monitors.id, id))
  return row ?? null
}

export type Page = {
  readonly status: MonitorStatus | undefined
  /** Only monitors older than this one. */
  readonly before: string | null
  readonly limit: number
  readonly offset: number
}

/** Monitors, newest first: their ids sort by age. */
export function listMonitors(db: Db, page: Page): Promise<Monitor[]> {
  return db
    .select()
    .from(monitors)
    .where(and(ofStatus(page.status), page.before === null ? undefined : lt(monitors.id, page.before)))
    .orderBy(desc(monitors.id))
    .limit(page.limit)
    .offset(page.offset)
}

export async function countMonitors(db: Db, status: MonitorStatus | undefined): Promise<number> {
  const [row] = await db.select({ n: count() }).from(monitors).where(ofStatus(status))
  return row?.n ?? 0
}

/** How many monitors have each status that any has. */
export function countByStatus(db: Db): Promise<{ status: MonitorStatus; monitors: number }[]> {
  return db.select({ status: monitors.status, monitors: count() }).from(monitors).groupBy(monitors.status)
}

function ofStatus(status: MonitorStatus | undefined) {
  return status === undefined ? undefined : eq(monitors.status, status)
}

/** Ends an active monitor; `null` where it had ended before. */
export async function endMonitor(
  tx: Tx,
  id: string,
  status: FinalStatus,
  errorReason: string | null,
): Promise<Monitor | null> {
  const [row] = await tx
    .update(monitors)
    .set({ status, errorReason, endedAt: sql`now()`, updatedAt: sql`now()` })
    .where(and(eq(monitors.id, id), active))
    .returning()
  return row ?? null
}

/** The scheduled monitors whose lead time has come. */
export async function listToStart(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: monitors.id })
    .from(monitors)
    .where(and(eq(monitors.status, 'scheduled'), lte(monitors.startAt, sql`now()`)))
  return rows.map((row) => row.id)
}

/** Moves a scheduled monitor to `initializing`. False where it is not scheduled any more. */
export async function startScheduled(tx: Tx, id: string): Promise<boolean> {
  const started = await tx
    .update(monitors)
    .set({ status: nextStatus('scheduled', { kind: 'start_time_near' }), updatedAt: sql`now()` })
    .where(and(eq(monitors.id, id), eq(monitors.status, 'scheduled')))
    .returning({ id: monitors.id })
  return started.length > 0
}

/** The monitors whose scheduled end has passed with no live stream. */
export async function listToGiveUp(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: monitors.id })
    .from(monitors)
    .where(and(active, lte(monitors.giveUpAt, sql`now()`), sql`${monitors.status} <> 'monitoring'`))
  return rows.map((row) => row.id)
}

/** A monitor as a report left it, with its counters as they were before. */
export type ReportedMonitor = Monitor & { readonly before: MonitorStatistics }

/**
 * The statement behind every report: counts the call (epoch and number) and takes over what the worker says, in one
 * round trip. No row: the call did not count.
 */
export function reportStatement(db: DbOrTx) {
  const call = db.$with('call').as(callUpdate(db, MONITOR_ATTEMPTS))
  // A query inside of a statement sees the rows as they were when it began.
  const before = sql<MonitorStatistics>`(select old.statistics from ${monitors} old where old.id = "monitors"."id")`
  const status = sql<MonitorStatus>`case when ${monitors.status} = any(${sql.placeholder('from')}) then ${sql.placeholder('to')} else ${monitors.status} end`
  return db
    .with(call)
    .update(monitors)
    .set({
      status,
      streamStatus: sql`${sql.placeholder('streamStatus')}`,
      title: sql`coalesce(${sql.placeholder('title')}::text, ${monitors.title})`,
      health: sql`${sql.placeholder('health')}::json`,
      statistics: sql`${sql.placeholder('statistics')}::json`,
      errorReason: sql`coalesce(${sql.placeholder('errorReason')}::text, ${monitors.errorReason})`,
      updatedAt: sql`now()`,
      endedAt: sql`case when ${sql.placeholder('final')}::boolean then now() else ${monitors.endedAt} end`,
    })
    .where(sql`${monitors.id} in (select id from ${call}) and ${active}`)
    .returning({ ...getTableColumns(monitors), before })
}

/** A report as the statement's placeholders want it. */
export function reportValues(id: string, report: MonitorReport, errorReason: string | null): Record<string, unknown> {
  const event = { kind: 'reported', mode: report.mode } as const
  const to = MONITOR_STATUSES.find((status) => status === report.mode) ?? 'initializing'
  return {
    id,
    epoch: report.epoch,
    seq: report.seq,
    resume: JSON.stringify(report.resume),
    from: `{${MONITOR_STATUSES.filter((status) => nextStatus(status, event) === to).join(',')}}`,
    to,
    streamStatus: report.stream_status,
    title: report.title,
    health: JSON.stringify(report.health),
    statistics: JSON.stringify(report.statistics),
    errorReason,
    final: isFinal(to),
  }
}
