import type { CallAccepted } from '../../shared/contract/assignment.ts'
import type { MonitorReport } from '../../shared/contract/monitors.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { refusalOf } from '../workers/claim-assignment.ts'
import { endAssignment } from '../workers/store.ts'
import { countReport } from './count-report.ts'
import { isFinal } from './status.ts'
import { reportStatement, reportValues, type Monitor, type ReportedMonitor } from './store.ts'
import { tell } from './tell.ts'

/** Takes a worker's report: true where it counted. */
export type RecordReport = (id: string, report: MonitorReport) => Promise<CallAccepted>

/**
 * Takes what a worker reports: the monitor's state and, in the same transaction, its events. A report of an older epoch
 * is refused, one that was counted before changes nothing.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export function createRecordReport(context: Context): RecordReport {
  const { metrics } = context
  const progress = reportStatement(context.db).prepare('monitor_report')
  return async (id, report) => {
    requireFinalEvent(report)
    const values = reportValues(id, report, errorReasonOf(report))
    const counted = isPlainProgress(report)
      ? await progress.execute(values)
      : await recordWithEvents(context, report, values)
    for (const { before } of counted) countReport(metrics, before, report, Date.now())
    if (counted.length > 0) return { duplicate: false }
    const refusal = await refusalOf(context, id, report.epoch)
    metrics.count('tallylight_worker_reports_total', { outcome: refusal === null ? 'duplicate' : 'refused' })
    if (refusal !== null) throw refusal
    return { duplicate: true }
  }
}

/** Nothing ends in silence. */
function requireFinalEvent({ mode, events }: MonitorReport): void {
  const needed = mode === 'completed' ? 'stream.ended' : mode === 'error' ? 'monitor.error' : null
  if (needed === null || events.some((event) => event.event_type === needed)) return
  throw new BrokenRule('INVALID_CONFIG', `mode ${mode} needs the event ${needed}`)
}

/** Most reports say that one more segment was fine: one statement stores them. */
function isPlainProgress(report: MonitorReport): boolean {
  return report.events.length === 0 && report.mode !== 'completed' && report.mode !== 'error'
}

async function recordWithEvents(
  context: Context,
  report: MonitorReport,
  values: Record<string, unknown>,
): Promise<ReportedMonitor[]> {
  const counted = await context.transact(async (tx) => {
    const rows = await reportStatement(tx).prepare('monitor_report_with_events').execute(values)
    for (const monitor of rows) {
      await tell(tx, monitor, report.events)
      if (isFinal(monitor.status)) await endAssignment(tx, monitor.id)
    }
    return rows
  })
  for (const monitor of counted) logEvents(context, monitor, report)
  context.wake()
  return counted
}

function logEvents(context: Context, monitor: Monitor, report: MonitorReport): void {
  for (const event of report.events) {
    context.log.info('monitor event', { monitor_id: monitor.id, event_type: event.event_type, data: event.data })
  }
}

function errorReasonOf(report: MonitorReport): string | null {
  const reason = report.events.find((event) => event.event_type === 'monitor.error')?.data['reason']
  return typeof reason === 'string' ? reason : null
}
