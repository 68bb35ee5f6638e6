import { getTableColumns, isNull, sql } from 'drizzle-orm'

import type { MonitorReport, MonitorStatistics } from '../../../shared/contract/monitors.ts'
import { prepareQuery } from '../../database/prepared-query.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import { countCallQuery, countCallsQuery } from '../../workers/store/assignments.ts'
import { MONITOR_ATTEMPTS } from '../attempts.ts'
import { monitors } from '../schema.ts'
import { isFinal, transitionOf, type MonitorStatus } from '../status.ts'
import type { Monitor } from './monitors.ts'

/** A monitor after a report, with its counters before the report. */
export type ReportedMonitor = Monitor & { readonly before: MonitorStatistics }

/** A subquery sees the rows as they were when the statement began. */
const STATISTICS_BEFORE = sql<MonitorStatistics>`(select old.statistics from ${monitors} old where old.id = "monitors"."id")`

/**
 * Counts the call of a report (epoch and sequence number) and stores the worker's state, in one round trip. Returns no
 * monitor where the call does not count.
 */
export function recordState(
  tx: Tx,
  id: string,
  report: MonitorReport,
  errorReason: string | null,
): Promise<ReportedMonitor[]> {
  return stateQuery(tx, reportValues(id, report, errorReason))
}

const stateQuery = prepareQuery('monitor_report_with_events', (db) => {
  const call = db.$with('call').as(countCallQuery(db, MONITOR_ATTEMPTS))
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
    .where(sql`${monitors.id} in (select id from ${call}) and ${isNull(monitors.endedAt)}`)
    .returning({ ...getTableColumns(monitors), before: STATISTICS_BEFORE })
})

/** Returns the values of the placeholders of `stateQuery`. */
function reportValues(id: string, report: MonitorReport, errorReason: string | null): Record<string, unknown> {
  const { from, to } = transitionOf({ kind: 'reported', mode: report.mode })
  return {
    id,
    epoch: report.epoch,
    seq: report.seq,
    resume: JSON.stringify(report.resume),
    from: `{${from.join(',')}}`,
    to,
    streamStatus: report.stream_status,
    title: report.title,
    health: JSON.stringify(report.health),
    statistics: JSON.stringify(report.statistics),
    errorReason,
    final: to !== null && isFinal(to),
  }
}

/** A report without events of a monitor that goes on. */
export type ProgressReport = { readonly id: string; readonly report: MonitorReport }

/** How many reports one statement takes: Postgres plans for this many. */
export const MAX_PROGRESS_REPORTS = 32

/**
 * Counts and stores reports of several monitors in one statement. Returns the counters that each monitor had before;
 * `null` for a report that does not count.
 */
export async function recordProgress(
  db: DbOrTx,
  reports: readonly ProgressReport[],
): Promise<(MonitorStatistics | null)[]> {
  const rows = await progressQuery(db, { reports: JSON.stringify(reports.map(toReportRow)) })
  const before = new Map(rows.map((row) => [row.id, row.before]))
  return reports.map(({ id }) => before.get(id) ?? null)
}

/** Returns a report as `REPORTS` reads it. JSON columns travel as text, which keeps their escapes as they are. */
function toReportRow({ id, report }: ProgressReport) {
  const { epoch, seq, stream_status, title } = report
  const { from, to } = transitionOf({ kind: 'reported', mode: report.mode })
  const [resume, health, statistics] = [report.resume, report.health, report.statistics].map((part) =>
    JSON.stringify(part),
  )
  return { id, epoch, seq, resume, source: from, target: to, stream_status, title, health, statistics }
}

const REPORTS = sql`
  select * from json_to_recordset(${sql.placeholder('reports')}::json) as report (
    id text, epoch int, seq int, resume text, source text[], target text, stream_status text, title text, health text,
    statistics text)
  limit ${sql.raw(String(MAX_PROGRESS_REPORTS))}`

const progressQuery = prepareQuery('monitor_progress', (db) => {
  const report = db.$with('report', {}).as(REPORTS)
  const call = db.$with('call').as(countCallsQuery(db, MONITOR_ATTEMPTS, sql`select * from report`))
  return db
    .with(report, call)
    .update(monitors)
    .set({
      status: sql`case when ${monitors.status} = any(report.source) then report.target else ${monitors.status} end`,
      streamStatus: sql`report.stream_status`,
      title: sql`coalesce(report.title, ${monitors.title})`,
      health: sql`report.health::json`,
      statistics: sql`report.statistics::json`,
      updatedAt: sql`now()`,
    })
    .from(sql`report`)
    .where(sql`${monitors.id} = report.id and report.id in (select id from ${call}) and ${isNull(monitors.endedAt)}`)
    .returning({ id: monitors.id, before: STATISTICS_BEFORE })
})
