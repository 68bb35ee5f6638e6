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

/** A refund of a payment; `amount` is in minor units. A canceled one has failed too. */
export type RefundFact = {
  readonly amount: number
  readonly hasFailed: boolean
  /** Whether the transfer to a connected account was reversed with it; left out in facts that are older than this. */
  readonly isTransferReversed?: boolean
}

/** What Stripe has stated of a tip. */
export type TipFacts = {
  readonly hasFailed: boolean
  readonly isCanceled: boolean
  readonly hasSucceeded: boolean
  /** The most that a charge has stated as refunded, in minor units; what has failed since is in it. */
  readonly refunded: number
  /** By the ids of the refunds; left out in facts that are older than these. */
  readonly refunds?: Readonly<Record<string, RefundFact>>
  /** By the ids of the disputes. */
  readonly disputes: Readonly<Record<string, DisputeFact>>
}

/** The facts of a tip of which Stripe has stated nothing. */
export const NO_FACTS: TipFacts = {
  hasFailed: false,
  isCanceled: false,
  hasSucceeded: false,
  refunded: 0,
  refunds: {},
  disputes: {},
}

/** Returns all that two sets of facts state. It is associative, commutative and idempotent. */
export function mergeFacts(one: TipFacts, other: TipFacts): TipFacts {
  return {
    hasFailed: one.hasFailed || other.hasFailed,
    isCanceled: one.isCanceled || other.isCanceled,
    hasSucceeded: one.hasSucceeded || other.hasSucceeded,
    refunded: Math.max(one.refunded, other.refunded),
    refunds: mergeById(one.refunds ?? {}, other.refunds ?? {}, mergeRefund),
    disputes: mergeById(one.disputes, other.disputes, mergeDispute),
  }
}

type ById<Fact> = Readonly<Record<string, Fact>>

function mergeById<Fact>(one: ById<Fact>, other: ById<Fact>, merge: (one: Fact, other: Fact) => Fact): ById<Fact> {
  const merged = new Map(Object.entries(one))
  for (const [id, fact] of Object.entries(other)) {
    const known = merged.get(id)
    merged.set(id, known === undefined ? fact : merge(known, fact))
  }
  return Object.fromEntries([...merged].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function mergeRefund(one: RefundFact, other: RefundFact): RefundFact {
  const reversals = [one, other].map(({ isTransferReversed }) => isTransferReversed)
  const isKnown = reversals.some((isReversed) => isReversed !== undefined)
  return {
    amount: Math.max(one.amount, other.amount),
    hasFailed: one.hasFailed || other.hasFailed,
    ...(isKnown ? { isTransferReversed: reversals.includes(true) } : {}),
  }
}

/** How final a state is. Of two ends, which Stripe never states of one dispute, the loss counts. */
const FINALITY: Readonly<Record<DisputeState, number>> = { open: 0, won: 1, lost: 2 }

function mergeDispute(one: DisputeFact, other: DisputeFact): DisputeFact {
  const { state } = FINALITY[one.state] >= FINALITY[other.state] ? one : other
  return { state, amount: Math.max(one.amount, other.amount) }
}

/** Returns how much of a tip is refunded, in minor units. A refund that failed does not count. */
export function refundedOf({ refunded, refunds = {} }: TipFacts): number {
  const all = Object.values(refunds)
  const sum = (hasFailed: boolean) =>
    all.reduce((total, one) => (one.hasFailed === hasFailed ? total + one.amount : total), 0)
  // Either may lack what the other has: refunds may be known by their charge only.
  return Math.max(0, sum(false), refunded - sum(true))
}

/** Returns how much of a tip is refunded without a reversal of its transfer, in minor units. */
export function refundedUnreversedOf(facts: TipFacts): number {
  const unreversed = Object.values(facts.refunds ?? {}).filter(
    ({ hasFailed, isTransferReversed }) => !hasFailed && isTransferReversed === false,
  )
  return unreversed.reduce((total, { amount }) => total + amount, 0)
}

/** Returns how many refunds of a tip have failed. */
export function countFailedRefunds({ refunds = {} }: TipFacts): number {
  return Object.values(refunds).filter(({ hasFailed }) => hasFailed).length
}

/** Returns whether the money has come: a refund or a dispute proves it, also before the event that states it. */
export function isPaid({ hasSucceeded, refunded, refunds = {}, disputes }: TipFacts): boolean {
  return hasSucceeded || refunded > 0 || Object.keys({ ...refunds, ...disputes }).length > 0
}

/** Returns the status of a tip of an amount, in minor units. A partial refund leaves it `succeeded`. */
export function statusOf(facts: TipFacts, amount: number): TipStatus {
  if (isPaid(facts)) return statusOfPaid(facts, amount)
  if (facts.isCanceled) return 'canceled'
  return facts.hasFailed ? 'failed' : 'pending'
}

function statusOfPaid(facts: TipFacts, amount: number): TipStatus {
  const states = Object.values(facts.disputes).map(({ state }) => state)
  if (states.includes('lost')) return 'charged_back'
  if (states.includes('open')) return 'disputed'
  return refundedOf(facts) >= amount ? 'refunded' : 'succeeded'
}
