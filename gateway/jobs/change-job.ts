import type { JobReport } from '../../shared/contract/jobs.ts'
import type { Tx } from '../ports/database.ts'
import { computeJobProgress } from './progress.ts'
import { publishProgress } from './publish-progress.ts'
import { nextStatus, type JobStatusEvent } from './status.ts'
import { changeJob, type Job, type JobChange } from './store/jobs.ts'
import { readChunkProgress, type ChunkProgress, type Task } from './store/tasks.ts'

/** Returns the progress of all chunks of a job, for a report of one of them; `null` for a report of another task. */
export async function readChunksOf(tx: Tx, job: Job, task: Task): Promise<ChunkProgress | null> {
  return task.task === 'chunk' ? readChunkProgress(tx, job.id) : null
}

/** Returns how a report changes its job; `chunks`: the progress of all chunks, for a report of one of them. */
export function changeByReport(job: Job, task: Task, report: JobReport, chunks: ChunkProgress | null): JobChange {
  return {
    progress: Math.max(job.progress, computeJobProgress(task.task, report, chunks)),
    message: chunks === null ? report.message : `encoding in ${chunks.chunks} pieces, ${chunks.open} to go`,
    fps: chunks === null ? report.fps : chunks.fps,
    speed: chunks === null ? report.speed : chunks.speed,
    etaSec: chunks === null ? report.eta_sec : null,
    mediaInfo: report.media_info ?? job.mediaInfo,
    validation: report.validation ?? job.validation,
    hasStored: job.hasStored || report.has_stored,
  }
}

/**
 * Changes a locked job and publishes the change; a change that changes nothing, as most heartbeats, is not published.
 */
export async function changeAndPublish(
  tx: Tx,
  job: Job,
  change: JobChange,
  event: JobStatusEvent | null = null,
): Promise<void> {
  const columns = new Map(Object.entries(job))
  const isSameStatus = event === null || nextStatus(job.status, event) === job.status
  if (isSameStatus && Object.entries(change).every(([name, value]) => isSame(value, columns.get(name)))) return
  const changed = await changeJob(tx, job.id, change, event)
  if (changed !== null) await publishProgress(tx, [changed])
}

/** Returns whether two values are stored the same: numbers as Postgres' `real`, other values as JSON. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.fround(a) === Math.fround(b)
  return JSON.stringify(a) === JSON.stringify(b)
}
