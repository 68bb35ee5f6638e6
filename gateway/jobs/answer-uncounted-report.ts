import type { JobReport, JobReportAccepted } from '../../shared/contract/jobs.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import type { DbOrTx } from '../ports/database.ts'
import { findRefusal } from '../workers/claim-assignment.ts'
import { WORKER_REPORTS } from '../workers/metrics.ts'
import { findAssignment, type Assignment } from '../workers/store/assignments.ts'
import type { JobsContext } from './context.ts'
import { listUnacknowledgedTasks } from './hand-over-next.ts'
import { findJob, type Job } from './store/jobs.ts'
import { findTask } from './store/tasks.ts'
import type { WorkerReport } from './worker-report.ts'

/**
 * Answers a report that does not count. It may be a repeated one whose first answer was lost, and with it the tasks
 * that its worker was given: these are named again.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND
 */
export async function answerUncountedReport(
  context: JobsContext,
  taskId: string,
  report: WorkerReport,
): Promise<JobReportAccepted> {
  const found = await findAssignment(context.db, taskId)
  const assignment = found?.epoch === report.epoch ? found : null
  const next = assignment !== null && report.room > 0 ? await listUnacknowledgedTasks(context, report.worker) : []
  const isRepeated = next.length > 0 || (assignment !== null && (await hasDoneTask(context, assignment, report)))
  const refusal = isRepeated ? null : await findReportRefusal(context, taskId, report.epoch)
  context.metrics.count(WORKER_REPORTS, { outcome: refusal === null ? 'duplicate' : 'refused' })
  if (refusal !== null) throw refusal
  return { duplicate: true, next }
}

/**
 * Returns whether a report was the last one of a done task. A report of a failed or canceled job is refused instead.
 */
async function hasDoneTask({ db }: JobsContext, assignment: Assignment, { state, seq }: JobReport): Promise<boolean> {
  if (state !== 'done' || assignment.seq !== seq) return false
  const job = await findJobOfTask(db, assignment.id)
  return job !== null && (job.endedAt === null || job.status === 'completed')
}

async function findReportRefusal(context: JobsContext, taskId: string, epoch: number): Promise<BrokenRule | null> {
  const refusal = await findRefusal(context, taskId, epoch)
  const isEnded = refusal?.code === KERNEL_ERRORS.ASSIGNMENT_ENDED.code
  const job = isEnded ? await findJobOfTask(context.db, taskId) : null
  return job === null ? refusal : jobEndedError(job)
}

async function findJobOfTask(db: DbOrTx, taskId: string): Promise<Job | null> {
  const task = await findTask(db, taskId)
  return task === null ? null : findJob(db, task.jobId)
}

/**
 * Returns the refusal of a report whose job has ended. Of a job that is not completed, its worker removes what it
 * stored.
 */
export function jobEndedError({ status }: Pick<Job, 'status'>): BrokenRule {
  return new BrokenRule(KERNEL_ERRORS.ASSIGNMENT_ENDED, 'this job has ended; the worker must stop', {
    details: { job_status: status },
  })
}
