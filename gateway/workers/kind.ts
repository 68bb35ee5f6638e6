import type { Settings } from '../config.ts'
import type { Context, Tx } from '../context.ts'
import type { AttemptRule } from './attempts.ts'
import type { WorkerRole, WorkerSpec } from './launcher.ts'
import type { Launch } from './store.ts'

/** Why an assignment is given up: its workers died as often as they may. */
export type WorkerLoss = {
  /** The last worker's exit code; −1 where it is not known. */
  readonly exitCode: number
  /** `Error`, `OOMKilled`, a signal's name, `LeaseExpired`, `NeverClaimed`, `Missing`, `Unschedulable`, `Forbidden`, … */
  readonly terminationReason: string
  readonly message: string
  readonly workerName: string
  /** What was seen of the worker that made it count as lost. */
  readonly observedState: ObservedState
}

export type Runs = Readonly<Record<string, string>>

export type ObservedState =
  | 'missing'
  | 'failed'
  | 'succeeded'
  | 'crash_looping'
  | 'silent'
  | 'never_claimed'
  | 'not_launched'

/** What a system tells of its kind of worker, so that the mechanism here needs to know no system. */
export type WorkerKind = {
  readonly kind: string
  /** What its workers are to a cluster. */
  role(settings: Settings): WorkerRole
  /** How often its workers may die before an assignment is given up. */
  readonly attempts: AttemptRule
  /** The name of the worker of a launch: where each launch has its own, the launcher never waits for the one before. */
  nameOf(launch: Launch): string
  /** What runs on behalf of these assignments, for people to read: `{ job_id, task }`. */
  whatRuns(context: Context, ids: readonly string[]): Promise<ReadonlyMap<string, Runs>>
  /** What to launch, or `null` where its record is gone. */
  specFor(context: Context, launch: Launch): Promise<WorkerSpec | null>
  /** Called in the transaction that ends an assignment whose workers are used up. */
  onLost(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void>
}
