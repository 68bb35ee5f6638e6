import type { CallAccepted } from '../../shared/contract/assignment.ts'
import type { MonitorReport, MonitorStatistics } from '../../shared/contract/monitors.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { findRefusal } from '../workers/claim-assignment.ts'
import { takeInBatches } from '../workers/take-in-batches.ts'
import { endAssignment } from '../workers/store/assignments.ts'
import { countReport } from './count-report.ts'
import { isFinal } from './status.ts'
import type { Monitor } from './store/monitors.ts'
import {
  MAX_PROGRESS_REPORTS,
  type ProgressReport,
  recordProgress,
  recordState,
  type ReportedMonitor,
} from './store/reports.ts'
import { publishEvents } from './publish-events.ts'
import { WORKER_REPORTS } from '../workers/metrics.ts'
import type { MonitorsContext } from './context.ts'

/** Records a worker's report. */
export type RecordReport = (id: string, report: MonitorReport) => Promise<CallAccepted>

/**
 * Returns the function that records reports: the monitor's state and, in the same transaction, its events. A report of an
 * older epoch is refused; one that was counted before changes nothing.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export function createRecordReport(context: MonitorsContext): RecordReport {
  const { metrics } = context
  const progressInBatches = takeInBatches(context, {
    what: 'reports of monitors',
    maxItems: MAX_PROGRESS_REPORTS,
    keyOf: ({ id }: ProgressReport) => id,
    run: (reports) => recordProgress(context.db, reports),
  })

  /** Returns the counters that the monitor had before; `null` where the report does not count. */
  async function record(id: string, report: MonitorReport): Promise<MonitorStatistics | null> {
    if (!isPlainProgress(report)) {
      const [counted] = await recordWithEvents(context, id, report)
      return counted?.before ?? null
    }
    const taken = await progressInBatches({ id, report })
    const [alone = null] = taken === null ? await recordProgress(context.db, [{ id, report }]) : []
    return taken ?? alone
  }

  return async (id, report) => {
    requireFinalEvent(report)
    const before = await record(id, report)
    if (before !== null) {
      countReport(metrics, before, report, Date.now())
      return { duplicate: false }
    }
    const refusal = await findRefusal(context, id, report.epoch)
    metrics.count(WORKER_REPORTS, { outcome: refusal === null ? 'duplicate' : 'refused' })
    if (refusal !== null) throw refusal
    return { duplicate: true }
  }
}

/** Requires the event of an end: a monitor never ends without one. */
function requireFinalEvent({ mode, events }: MonitorReport): void {
  const needed = mode === 'completed' ? 'stream.ended' : mode === 'error' ? 'monitor.error' : null
  if (needed === null || events.some((event) => event.event_type === needed)) return
  throw new BrokenRule(KERNEL_ERRORS.INVALID_CONFIG, `mode ${mode} needs the event ${needed}`)
}

/** Returns whether a report has neither events nor an end. Most reports are such, and one statement stores them. */
function isPlainProgress(report: MonitorReport): boolean {
  return report.events.length === 0 && report.mode !== 'completed' && report.mode !== 'error'
}

async function recordWithEvents(
  context: MonitorsContext,
  id: string,
  report: MonitorReport,
): Promise<ReportedMonitor[]> {
  const counted = await context.transact(async (tx) => {
    const rows = await recordState(tx, id, report, errorReasonOf(report))
    for (const monitor of rows) {
      await publishEvents(tx, monitor, report.events)
      if (isFinal(monitor.status)) await endAssignment(tx, monitor.id)
    }
    return rows
  })
  for (const monitor of counted) logEvents(context, monitor, report)
  context.wake()
  return counted
}

function logEvents(context: MonitorsContext, monitor: Monitor, report: MonitorReport): void {
  for (const event of report.events) {
    context.log.info('monitor event', { monitor_id: monitor.id, event_type: event.event_type, data: event.data })
  }
}

function errorReasonOf(report: MonitorReport): string | null {
  const reason = report.events.find((event) => event.event_type === 'monitor.error')?.data['reason']
  return typeof reason === 'string' ? reason : null
}
