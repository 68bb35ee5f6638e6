import type { Context, Tx } from '../context.ts'
import type { WorkerSpec } from './launcher.ts'

/** Why an assignment is given up: its workers died as often as they may. */
export type WorkerLoss = {
  /** The last worker's exit code; −1 where it is not known. */
  readonly exitCode: number
  /** `Error`, `OOMKilled`, a signal's name, `LeaseExpired`, `NeverClaimed`, `LaunchFailed`, `Missing`. */
  readonly terminationReason: string
  readonly message: string
  readonly workerName: string
}

/** What a system tells of its kind of worker, so that the mechanism here needs to know no system. */
export type WorkerKind = {
  readonly kind: string
  /** The worker's name for an assignment. */
  nameOf(assignmentId: string): string
  /** What to launch for an assignment, or `null` where its record is gone. */
  specFor(context: Context, assignmentId: string): Promise<WorkerSpec | null>
  /** Called in the transaction that ends an assignment whose workers are used up. */
  onLost(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void>
}
