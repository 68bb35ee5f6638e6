/**
 * The status of a tip. Events of Stripe come late, repeated and out of order. They are therefore read as facts, which are
 * merged: in any order, and however often each comes, the same facts remain. Status and ledger are functions of them.
 */

/** What a tip is. `failed`: its last attempt to pay has failed, and another one may succeed. */
export const TIP_STATUSES = [
  'pending',
  'failed',
  'canceled',
  'succeeded',
  'refunded',
  'disputed',
  'charged_back',
] as const
export type TipStatus = (typeof TIP_STATUSES)[number]

/** How a dispute stands. It ends once. */
export type DisputeState = 'open' | 'won' | 'lost'

/** A dispute of a payment; `amount` is in minor units. */
export type DisputeFact = { readonly state: DisputeState; readonly amount: number }

/** What Stripe has stated of a tip. */
export type TipFacts = {
  readonly hasFailed: boolean
  readonly isCanceled: boolean
  readonly hasSucceeded: boolean
  /** The most that was refunded, in minor units. */
  readonly refunded: number
  /** By the ids of the disputes. */
  readonly disputes: Readonly<Record<string, DisputeFact>>
}

/** The facts of a tip of which Stripe has stated nothing. */
export const NO_FACTS: TipFacts = {
  hasFailed: false,
  isCanceled: false,
  hasSucceeded: false,
  refunded: 0,
  disputes: {},
}

/** Returns all that two sets of facts state. It is associative, commutative and idempotent. */
export function mergeFacts(one: TipFacts, other: TipFacts): TipFacts {
  const ids = [...new Set([...Object.keys(one.disputes), ...Object.keys(other.disputes)])].toSorted()
  return {
    hasFailed: one.hasFailed || other.hasFailed,
    isCanceled: one.isCanceled || other.isCanceled,
    hasSucceeded: one.hasSucceeded || other.hasSucceeded,
    refunded: Math.max(one.refunded, other.refunded),
    disputes: Object.fromEntries(ids.map((id) => [id, mergeDispute(one.disputes[id], other.disputes[id])])),
  }
}

/** How final a state is. Of two ends, which Stripe never states of one dispute, the loss counts. */
const FINALITY: Readonly<Record<DisputeState, number>> = { open: 0, won: 1, lost: 2 }

function mergeDispute(one: DisputeFact | undefined, other: DisputeFact | undefined): DisputeFact {
  if (one === undefined || other === undefined) return one ?? other ?? { state: 'open', amount: 0 }
  const { state } = FINALITY[one.state] >= FINALITY[other.state] ? one : other
  return { state, amount: Math.max(one.amount, other.amount) }
}

/** Returns whether the money has come: a refund or a dispute proves it, also before the event that states it. */
export function isPaid({ hasSucceeded, refunded, disputes }: TipFacts): boolean {
  return hasSucceeded || refunded > 0 || Object.keys(disputes).length > 0
}

/** Returns the status of a tip of an amount, in minor units. A partial refund leaves it `succeeded`. */
export function statusOf(facts: TipFacts, amount: number): TipStatus {
  if (isPaid(facts)) return statusOfPaid(facts, amount)
  if (facts.isCanceled) return 'canceled'
  return facts.hasFailed ? 'failed' : 'pending'
}

function statusOfPaid({ refunded, disputes }: TipFacts, amount: number): TipStatus {
  const states = Object.values(disputes).map(({ state }) => state)
  if (states.includes('lost')) return 'charged_back'
  if (states.includes('open')) return 'disputed'
  return refunded >= amount ? 'refunded' : 'succeeded'
}
