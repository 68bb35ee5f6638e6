import type { AttemptRule } from '../workers/attempts.ts'
import type { Launch } from '../workers/store/assignments.ts'

/** The kind of the assignments and workers of jobs. */
export const JOB_KIND = 'job'

/** The attempts of a task: one that has failed three times is not expected to succeed. */
export const JOB_ATTEMPTS: AttemptRule = { max: 3, stableAfterSec: null }

/** Returns the name of the worker of a launch; each launch has its own. */
export function workerNameOf({ id, launch }: Launch): string {
  return `${workerNamePrefix(id)}${launch}`
}

/** Returns what the names of all workers launched for a task begin with; the number of the launch follows. */
export function workerNamePrefix(taskId: string): string {
  return `encode-${taskId}-`
}
