import type { Tx } from '../ports/database.ts'
import type { WorkerSpec } from '../ports/launcher.ts'
import type { AttemptRule } from './attempts.ts'
import type { Launch } from './store/assignments.ts'

/** Why an assignment has lost its worker. */
export type WorkerLoss = {
  /** The exit code; −1 where it is unknown. */
  readonly exitCode: number
  /** `Error`, `OOMKilled`, a signal's name, `LeaseExpired`, `NeverClaimed`, `Missing`, `Unschedulable`, `Forbidden`, … */
  readonly terminationReason: string
  readonly message: string
  readonly workerName: string
  readonly observedState: ObservedState
}

/** The observation by which a worker counts as lost. */
export type ObservedState =
  | 'missing'
  | 'failed'
  | 'succeeded'
  | 'crash_looping'
  | 'silent'
  | 'never_claimed'
  | 'not_launched'

/** What a worker works on, for people to read: `{ job_id, task }`. */
export type WorkerSubject = Readonly<Record<string, string>>

/** A system's kind of worker, as the mechanism in this folder needs it. */
export type WorkerKind = {
  readonly kind: string
  readonly attempts: AttemptRule
  /** Returns the name of a launch's worker. Where each launch has its own, none waits for the one before to end. */
  nameOf(launch: Launch): string
  /** Returns what the workers of these assignments work on, by assignment id. */
  subjectsOf(ids: readonly string[]): Promise<ReadonlyMap<string, WorkerSubject>>
  /** Returns what to launch, or `null` where the record is gone. */
  specFor(launch: Launch): Promise<WorkerSpec | null>
  /** Handles the end of an assignment whose attempts are used up, in the transaction that ends it. */
  onLost(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void>
}
