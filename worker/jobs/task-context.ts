import type { TaskSpec } from '../../shared/contract/jobs.ts'
import type { Log } from '../../shared/log.ts'
import type { Fetcher } from '../platform/http.ts'
import type { JobEnvironment } from './environment.ts'
import type { TaskObservation } from './state.ts'

/** Everything that a running task works with. */
export type TaskContext = {
  readonly environment: JobEnvironment
  readonly fetcher: Fetcher
  /** The task's own scratch folder: empty at first, and removed when the task ends. */
  readonly dir: string
  /** Adds an observation to the state that is reported to the gateway. */
  readonly report: (observation: TaskObservation) => void
  /** Resolves once the gateway has acknowledged all reports, or no report can reach it any more. */
  readonly flushReports: () => Promise<void>
  /** No other worker has run the task before. */
  readonly isFirstAttempt: boolean
  /** False where another worker may run the task by now. */
  readonly ownsTask: () => boolean
  readonly log: Log
  /** Aborts at the task's deadline, and when the worker stops or loses the task. */
  readonly signal: AbortSignal
}

/** The specification of one kind of task. */
export type SpecOf<Task extends TaskSpec['task']> = Extract<TaskSpec, { readonly task: Task }>
