import type { JobReport, JobReportAccepted } from '../../shared/contract/jobs.ts'
import type { Tx } from '../ports/database.ts'
import { WORKER_REPORTS } from '../workers/metrics.ts'
import { answerUncountedReport, jobEndedError } from './answer-uncounted-report.ts'
import type { CompleteJob } from './complete-job.ts'
import type { JobsContext } from './context.ts'
import { endOpenTasks } from './end-job.ts'
import { handOverNext, presentNextTasks } from './hand-over-next.ts'
import { recordCleanup } from './record-cleanup.ts'
import { recordFailure } from './record-failure.ts'
import { recordPartDone } from './record-part-done.ts'
import { recordProgress } from './record-progress.ts'
import type { RecordedReport, ReportOutcome } from './recorded-report.ts'
import { countReport, type CountedReport } from './store/counted-reports.ts'
import { isCompletion, isLastReport, type WorkerReport } from './worker-report.ts'

/**
 * Records a worker's report of its task with everything that follows from it, and answers with the tasks that the
 * worker takes next. A report of an older epoch is refused; one that was counted before changes nothing.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND, INVALID_CONFIG
 */
export async function recordReport(
  context: JobsContext,
  completeJob: CompleteJob,
  taskId: string,
  report: WorkerReport,
): Promise<JobReportAccepted> {
  const room = Math.min(report.room, context.settings.jobs.maxConcurrent)
  const completed = isCompletion(report) ? await completeJob({ taskId, report, room }) : null
  const recorded = completed ?? (await context.transact((tx) => recordInTransaction(tx, context, taskId, report)))
  if (recorded === null) return answerUncountedReport(context, taskId, report)
  context.metrics.count(WORKER_REPORTS, { outcome: recorded.outcome === 'refused' ? 'refused' : 'counted' })
  await followUp(context, report, recorded)
  if (recorded.outcome === 'refused') throw jobEndedError(recorded.job)
  return { duplicate: false, next: await presentNextTasks(context, recorded.next, report) }
}

/**
 * Handles what follows from a report after its commit: notifies subscribers, stops other workers, wakes the scheduler.
 */
async function followUp(
  context: JobsContext,
  report: JobReport,
  { job, outcome, next }: RecordedReport,
): Promise<void> {
  for (const id of new Set([job.id, ...next.map((task) => task.job.id)])) context.notifier.notify(id)
  const isSplit = job.plan !== null || report.plan !== null
  // A job that was never split had this one task only.
  if (outcome === 'refused' || (outcome === 'job_ended' && isSplit)) await endOpenTasks(context, job.id)
  // The worker has taken the next task itself; a webhook, or more chunks than it takes, are left to the scheduler.
  if (isLastReport(report) && (next.length === 0 || job.callbackUrl !== null || isSplit)) context.wake()
}

/** Records a report that completes no job; `null`: it does not count. */
async function recordInTransaction(
  tx: Tx,
  { settings }: JobsContext,
  taskId: string,
  report: WorkerReport,
): Promise<RecordedReport | null> {
  const counted = await countReport(tx, { id: taskId, epoch: report.epoch, seq: report.seq })
  if (counted === null) return null
  const { job, assignment } = counted
  const outcome = await dispatchReport(tx, counted, report)
  const next = outcome === 'refused' ? [] : await handOverNext(tx, settings, assignment, report)
  return { job, outcome, next }
}

async function dispatchReport(tx: Tx, counted: CountedReport, report: JobReport): Promise<ReportOutcome> {
  const { job, task } = counted
  if (task.task === 'sweep') {
    await recordCleanup(tx, counted, report)
    return 'recorded'
  }
  if (job.endedAt !== null) return 'refused'
  switch (report.state) {
    case 'processing':
    case 'uploading':
      await recordProgress(tx, counted, report)
      return 'recorded'
    case 'done':
      await recordPartDone(tx, counted, report)
      return 'recorded'
    case 'failed': {
      const { jobFailed } = await recordFailure(tx, counted, report)
      return jobFailed ? 'job_ended' : 'recorded'
    }
  }
}
