import { takeInBatches } from '../workers/take-in-batches.ts'
import type { JobsContext } from './context.ts'
import { completeJobs, MAX_COMPLETIONS, type CompletedJob, type Completion } from './store/completions.ts'

/** Completes the job of a report together with others of the same moment; `null`: the job must be completed alone. */
export type CompleteInBatches = (completion: Completion) => Promise<CompletedJob | null>

/** Returns the batching of one process. It completes `plain` jobs. */
export function createCompleteInBatches(
  context: Pick<JobsContext, 'db' | 'log' | 'isBrokenOff' | 'isDatabaseGone'>,
): CompleteInBatches {
  return takeInBatches(context, {
    what: 'completions',
    maxItems: MAX_COMPLETIONS,
    keyOf: ({ taskId }: Completion) => taskId,
    run: (completions) => completeJobs(context.db, completions, 'plain'),
  })
}
