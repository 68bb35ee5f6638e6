import { microBatch } from '../workers/micro-batch.ts'
import type { JobsContext } from './context.ts'
import { completeJobs, MAX_COMPLETIONS, type CompletedJob, type Completion } from './store/completions.ts'

/** Completes the job of a report together with others of the same moment; `null`: the job must be completed alone. */
export type CompleteInBatches = (completion: Completion) => Promise<CompletedJob | null>

/**
 * Returns the batching of one process, so that many workers cost few statements. It completes `plain` jobs. Where a
 * batch fails, each of its jobs must be completed alone, since only one of them may be at fault.
 */
export function createCompleteInBatches(
  context: Pick<JobsContext, 'db' | 'log' | 'isBrokenOff' | 'isDatabaseGone'>,
): CompleteInBatches {
  const { db, log, isBrokenOff, isDatabaseGone } = context
  return microBatch(MAX_COMPLETIONS, async (batch: readonly Completion[]) => {
    // Of two reports of one task at most one counts, and the statement would not say which.
    const distinct = batch.filter(({ taskId }, i) => batch.findIndex((other) => other.taskId === taskId) === i)
    const completed = await completeJobs(db, distinct, 'plain').catch((error: unknown) => {
      if (isBrokenOff(error)) return []
      if (isDatabaseGone(error)) throw error
      log.warn('batch of completions failed; each job is completed alone', { reports: distinct.length, error })
      return []
    })
    return batch.map((completion) => completed[distinct.indexOf(completion)] ?? null)
  })
}
