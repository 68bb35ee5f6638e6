import type { JobReport } from '../../shared/contract/jobs.ts'
import type { Tx } from '../ports/database.ts'
import { changeAndPublish, changeByReport, readChunksOf } from './change-job.ts'
import type { CountedReport } from './store/counted-reports.ts'
import { updateTask } from './store/tasks.ts'

/** Records the progress of a task that is being worked on. A job with chunks is uploading when they are joined. */
export async function recordProgress(tx: Tx, { job, task }: CountedReport, report: JobReport): Promise<void> {
  const isUploading = report.state === 'uploading' && task.task !== 'chunk'
  const { progress, fps, speed } = report
  await updateTask(tx, task.id, { progress, fps, speed })
  const change = changeByReport(job, task, report, await readChunksOf(tx, job, task))
  await changeAndPublish(tx, job, change, isUploading ? 'uploading_reported' : 'processing_reported')
}
