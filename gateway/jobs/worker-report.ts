import type { JobReport } from '../../shared/contract/jobs.ts'

/** A report with the name of the worker that has signed it. */
export type WorkerReport = JobReport & { readonly worker: string }

/** Returns whether a report says that its job's output is stored. */
export function isCompletion({ state, output }: JobReport): boolean {
  return state === 'done' && output !== null
}

/** Returns whether a report is the last one of its task's attempt. */
export function isLastReport({ state }: JobReport): boolean {
  return state === 'done' || state === 'failed'
}
