import { getTableColumns, isNull, sql } from 'drizzle-orm'

import type { MonitorReport, MonitorStatistics } from '../../../shared/contract/monitors.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { countCallQuery } from '../../workers/store/assignments.ts'
import { MONITOR_ATTEMPTS } from '../attempts.ts'
import { monitors } from '../schema.ts'
import { isFinal, transitionOf, type MonitorStatus } from '../status.ts'
import type { Monitor } from './monitors.ts'

/** A monitor after a report, with its counters before the report. */
export type ReportedMonitor = Monitor & { readonly before: MonitorStatistics }

/**
 * Returns the statement of a report: it counts the call (epoch and sequence number) and stores the worker's state, in one
 * round trip. It returns no row where the call does not count. Its placeholders are those of `reportValues`.
 */
export function reportStatement(db: DbOrTx) {
  const call = db.$with('call').as(countCallQuery(db, MONITOR_ATTEMPTS))
  // A subquery sees the rows as they were when the statement began.
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
    .where(sql`${monitors.id} in (select id from ${call}) and ${isNull(monitors.endedAt)}`)
    .returning({ ...getTableColumns(monitors), before })
}

/** Returns the values of the statement's placeholders for a report. */
export function reportValues(id: string, report: MonitorReport, errorReason: string | null): Record<string, unknown> {
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
