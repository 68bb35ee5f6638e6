import type { JobReport } from '../../shared/contract/jobs.ts'
import type { Tx } from '../ports/database.ts'
import { afterLoss } from '../workers/attempts.ts'
import { refuseFurtherCalls, scheduleRelaunch } from '../workers/store/assignments.ts'
import { changeAndPublish } from './change-job.ts'
import { endTask, failJob } from './end-job.ts'
import { JOB_ATTEMPTS } from './job-worker.ts'
import type { CountedReport } from './store/counted-reports.ts'

/** The longest progress message, in characters. */
const MAX_MESSAGE_CHARS = 300

/**
 * Records a failed attempt. A transient failure is retried while attempts are left; any other one fails the job.
 * Returns whether the job has failed.
 */
export async function recordFailure(
  tx: Tx,
  { job, assignment }: CountedReport,
  report: JobReport,
): Promise<{ readonly jobFailed: boolean }> {
  const failure = report.failure ?? { code: 'ENCODE_FAILED', message: report.message, is_transient: false }
  const next = failure.is_transient ? afterLoss(assignment.attempts, JOB_ATTEMPTS) : ({ kind: 'give_up' } as const)
  const { media_info: mediaInfo, validation, has_stored } = report
  const change = { mediaInfo: mediaInfo ?? job.mediaInfo, validation, hasStored: job.hasStored || has_stored }
  if (next.kind === 'relaunch') {
    const { attempts } = assignment
    const message = `attempt ${attempts} failed, trying again: ${failure.message}`.slice(0, MAX_MESSAGE_CHARS)
    await scheduleRelaunch(tx, assignment, { afterMs: next.afterMs, attempts })
    await refuseFurtherCalls(tx, assignment.id)
    await changeAndPublish(tx, job, { ...change, message, fps: null, speed: null, etaSec: null }, 'attempt_failed')
    return { jobFailed: false }
  }
  await endTask(tx, assignment.id)
  await changeAndPublish(tx, job, change)
  await failJob(tx, job.id, failure)
  return { jobFailed: true }
}
