import type { JobReport, TaskSpec } from '../../shared/contract/jobs.ts'
import type { ChunkProgress } from './store/tasks.ts'

/** Progress of a chunked job in percent: after the split, and after the last chunk. */
const AFTER_SPLIT = 10
const AFTER_CHUNKS = 85
/** Progress reaches 100 only when the output is stored. */
const MAX_BEFORE_END = 99.9

/**
 * Returns the progress of a job, 0–99.9, after a report of one of its tasks; `chunks`: of all its chunks, for a chunk's
 * report.
 */
export function computeJobProgress(
  task: TaskSpec['task'],
  { state, progress, plan }: Pick<JobReport, 'state' | 'progress' | 'plan'>,
  chunks: Pick<ChunkProgress, 'progress'> | null,
): number {
  if (task === 'encode' && state === 'done' && plan !== null) return AFTER_SPLIT
  if (chunks !== null) return AFTER_SPLIT + (chunks.progress / 100) * (AFTER_CHUNKS - AFTER_SPLIT)
  if (task === 'join') return Math.min(MAX_BEFORE_END, AFTER_CHUNKS + (progress / 100) * (100 - AFTER_CHUNKS))
  return Math.min(MAX_BEFORE_END, progress)
}
