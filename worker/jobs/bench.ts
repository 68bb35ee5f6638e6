import type { ChunkPlan, JobOutput } from '../../shared/contract/jobs.ts'
import type { Log } from '../../shared/log.ts'
import type { Fetcher } from '../platform/http.ts'
import type { JobEnvironment } from './environment.ts'
import type { Observation } from './state.ts'

/** What a task's worker works with. */
export type Bench = {
  readonly environment: JobEnvironment
  readonly fetcher: Fetcher
  /** An empty folder of its own, which goes when the task is over. */
  readonly dir: string
  readonly tell: (seen: Observation) => void
  /** Resolves once the gateway knows all that was told, or will not any more. */
  readonly heard: () => Promise<void>
  /** No worker has had the task before. */
  readonly isFirstAttempt: boolean
  /** False where another worker may have the task by now. */
  readonly isStillOurs: () => boolean
  readonly log: Log
  /** Aborts when everything is to be dropped: the task's time is over, or the worker's. */
  readonly signal: AbortSignal
}

/** A task that was done, and what came of it. */
export type Done = { readonly kind: 'done'; readonly output: JobOutput | null; readonly plan: ChunkPlan | null }
