import type { Claim } from '../shared/contract/assignment.ts'
import type { Log, LogFields } from '../shared/log.ts'
import type { WorkerEnvironment } from './environment.ts'
import type { GatewayCallResult, GatewayCaller } from './platform/callback.ts'
import type { ChangingPolicy } from './platform/changing-policy.ts'
import type { Clock } from './platform/clock.ts'
import type { Lifetime } from './platform/lifetime.ts'

/**
 * A kind of worker. It carries everything that the worker program needs of a system: deleting the system's folder and
 * its entry in `kinds.ts` removes it.
 */
export type WorkerKind = {
  /** The value of `WORKER_KIND` that selects it. */
  readonly name: string
  /** Loads its code. A worker process loads one kind only, to save memory. */
  readonly load: () => Promise<PrepareWorker>
}

/**
 * Reads the environment of a worker.
 * @throws EnvironmentError which names every wrong variable
 */
export type PrepareWorker = (env: NodeJS.ProcessEnv) => PreparedWorker

/** A worker that has read its environment and not yet claimed its assignment. */
export type PreparedWorker = {
  readonly environment: WorkerEnvironment
  /** The assignment's path on the gateway, such as `/internal/v1/KIND/ID`. The paths of its callbacks begin with it. */
  readonly assignmentPath: string
  /** Fields of every line of its log. */
  readonly logFields: LogFields
  /** Works until the assignment is done or refused, or the lifetime ends. Expected failures are in the outcome. */
  readonly run: (assignment: ClaimedAssignment) => Promise<WorkerOutcome>
}

/** A claimed assignment, and the means to work on it. */
export type ClaimedAssignment = {
  readonly claim: Claim
  /** The id of this process as a claimant, for further claims. */
  readonly claimant: string
  /** Calls the gateway with the key of this assignment. */
  readonly callGateway: GatewayCaller
  /** Returns a caller for a further assignment, with that assignment's key and trace. */
  readonly createGatewayCaller: (token: string, traceparent?: string) => GatewayCaller
  /** The addresses that it may reach. The gateway renews that with each answer. */
  readonly policy: ChangingPolicy
  /** It shows the time at the claim, and advances by itself. */
  readonly clock: Clock
  /** The gateway's time, by which requests are signed and verified: each report may correct it. */
  readonly gatewayClock: Clock
  readonly lifetime: Lifetime
  readonly log: Log
}

/** How the work ended. `finished`: all of it, or all until the stop, and the gateway has acknowledged every report. */
export type WorkerOutcome = { readonly kind: 'finished' } | Exclude<GatewayCallResult, { readonly kind: 'accepted' }>
