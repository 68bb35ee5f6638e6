import type { JobReport } from '../../shared/contract/jobs.ts'
import type { Context } from '../context.ts'
import { inBatches } from '../in-batches.ts'
import { completeByReports, MOST_AT_A_TIME, type Completed, type Completion } from './completed/store.ts'

/** Takes a report that completes its job, together with others of the same moment. `null`: it is to be taken on its own. */
export type Completions = (completion: Completion) => Promise<Completed | null>

/** Whether a report may be the one that completes its job; what has no output is not. */
export function mayComplete({ state, output }: JobReport): boolean {
  return state === 'done' && output !== null
}

/**
 * One for each process, so that many workers cost few statements: see `completeByReports`. What went wrong may have been
 * another report's fault; whose it was finds out on its own.
 */
export function createCompletions(
  context: Pick<Context, 'db' | 'log' | 'isBrokenOff' | 'isDatabaseGone'>,
): Completions {
  const { db, log, isBrokenOff, isDatabaseGone } = context
  return inBatches(MOST_AT_A_TIME, async (all: readonly Completion[]) => {
    // Of two of one task one at most counts, and this statement would not say which.
    const taken = all.filter(({ taskId }, i) => all.findIndex((other) => other.taskId === taskId) === i)
    const completed = await completeByReports(db, taken, { withRest: false }).catch((error: unknown) => {
      if (isBrokenOff(error)) return []
      if (isDatabaseGone(error)) throw error
      log.warn('reports are taken one by one', { reports: taken.length, error })
      return []
    })
    return all.map((completion) => completed[taken.indexOf(completion)] ?? null)
  })
}
