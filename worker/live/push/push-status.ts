import type { TargetState } from '../../../shared/contract/live-targets.ts'

/** Why an attempt to push ended, or could not begin: a code, and the same in words for the owner. */
export type PushFailure = { readonly problem: string; readonly reason: string }

/** How a target is doing. */
export type PushStatus = {
  readonly state: TargetState
  readonly failure: PushFailure | null
  /** Failures in a row. */
  readonly failures: number
}

/** No encoder publishes. */
export const WAITING: PushStatus = { state: 'waiting', failure: null, failures: 0 }

/** A connection that lasted this long was a good one: failures before it do not count, in ms. */
const STABLE_MS = 30_000
/** Problems that go on until the owner does something about them. */
const FOR_OWNER: ReadonlySet<string> = new Set([
  'key_refused',
  'refused',
  'closed_unaccepted',
  'address_forbidden',
  'certificate',
  'key_unreadable',
])

/** Returns the status when an attempt begins. A failure stays on show until an attempt succeeds. */
export function afterAttempt(status: PushStatus): PushStatus {
  return status.failures === 0 ? { ...status, state: 'connecting' } : status
}

/** Returns the status when the platform takes the broadcast. */
export function afterAcceptance(status: PushStatus): PushStatus {
  return { ...status, state: 'live', failure: null }
}

/** Returns the status after a failure; `liveMs` is how long the platform had taken the broadcast. */
export function afterPushFailure({ failures }: PushStatus, failure: PushFailure, liveMs: number): PushStatus {
  const state = FOR_OWNER.has(failure.problem) ? 'failed' : 'retrying'
  return { state, failure, failures: liveMs >= STABLE_MS ? 1 : failures + 1 }
}
