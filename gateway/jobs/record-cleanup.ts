import type { JobReport } from '../../shared/contract/jobs.ts'
import type { Tx } from '../ports/database.ts'
import { retryCleanup } from './cleanups.ts'
import { endTask } from './end-job.ts'
import type { CountedReport } from './store/counted-reports.ts'
import { isLastReport } from './worker-report.ts'

/** Records a report of a cleanup. A failed one is retried later, by another task. */
export async function recordCleanup(tx: Tx, { task, job }: CountedReport, report: JobReport): Promise<void> {
  if (!isLastReport(report)) return
  await endTask(tx, task.id)
  if (report.state === 'failed') await retryCleanup(tx, job, task)
}
