import type { Claim } from '../shared/contract/assignment.ts'
import type { Log } from '../shared/log.ts'
import type { WorkerEnvironment } from './environment.ts'
import type { CallGateway, CallResult } from './platform/callback.ts'
import type { Clock } from './platform/clock.ts'
import type { Lifetime } from './platform/lifetime.ts'

/** A kind of worker: reads what it is told. Throws an `EnvironmentError` where that is wrong. */
export type Kind = (env: NodeJS.ProcessEnv) => Worker

/** A worker that knows what it is to do, before it has claimed its assignment. */
export type Worker = {
  readonly environment: WorkerEnvironment
  /** The assignment's path on the gateway, below which its calls go: `/internal/v1/monitors/{id}`. */
  readonly path: string
  /** Stand on every line of its log. */
  readonly logFields: Readonly<Record<string, string>>
  /** Works until the assignment is done, refused, or the lifetime's end. Expected trouble is in the outcome. */
  readonly run: (assignment: Assignment) => Promise<Outcome>
}

/** A claimed assignment and what it takes to work on it. */
export type Assignment = {
  readonly claim: Claim
  /** As whom this process has claimed, and claims what the gateway gives to it. */
  readonly claimant: string
  readonly callGateway: CallGateway
  /** The same for another assignment that the gateway gives to this worker, by that one's key and in its trace. */
  readonly callGatewayAs: (token: string, traceparent?: string) => CallGateway
  readonly clock: Clock
  readonly lifetime: Lifetime
  readonly log: Log
}

/** How the work ended. `finished`: it is done, or was told to stop, and the gateway knows all of it. */
export type Outcome = { readonly kind: 'finished' } | Exclude<CallResult, { readonly kind: 'accepted' }>
