import type { ChunkPlan, JobFailure, JobOutput } from '../../shared/contract/jobs.ts'

/** How a step of a task ended without a result: it failed, or its signal was aborted. */
export type FailedOrAborted = { readonly kind: 'failed'; readonly failure: JobFailure } | { readonly kind: 'aborted' }

/** The result of a step that yields no value. */
export type StepResult = { readonly kind: 'done' } | FailedOrAborted

/** A completed task, with the output that it stored or the plan by which it split its job. */
export type TaskDone = { readonly kind: 'done'; readonly output: JobOutput | null; readonly plan: ChunkPlan | null }

/** The result of a whole task. */
export type TaskResult = TaskDone | FailedOrAborted

const MAX_MESSAGE_CHARS = 1000

/** Returns a failure that the input or the task's specification causes: every other attempt would fail too. */
export function permanentFailure(code: string, message: string): FailedOrAborted {
  return { kind: 'failed', failure: { code, message: cleanMessage(message), is_transient: false } }
}

/** Returns a failure that another attempt may not meet. */
export function transientFailure(code: string, message: string): FailedOrAborted {
  return { kind: 'failed', failure: { code, message: cleanMessage(message), is_transient: true } }
}

/** Removes NUL characters, which Postgres does not store, and limits the length; programs may print anything. */
function cleanMessage(message: string): string {
  return message.replaceAll('\0', '').slice(0, MAX_MESSAGE_CHARS)
}
