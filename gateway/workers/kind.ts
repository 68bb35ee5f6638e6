import type { Settings } from '../config.ts'
import type { Context, Tx } from '../context.ts'
import type { WorkerRole, WorkerSpec } from './launcher.ts'

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
  /** The worker's name for an assignment. */
  nameOf(assignmentId: string): string
  /** What to launch for an assignment, or `null` where its record is gone. */
  specFor(context: Context, assignmentId: string): Promise<WorkerSpec | null>
  /** Called in the transaction that ends an assignment whose workers are used up. */
  onLost(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void>
}
