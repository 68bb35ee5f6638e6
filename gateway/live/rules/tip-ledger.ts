import { isPaid, refundedOf, refundedUnreversedOf, type DisputeState, type TipFacts } from './tip-status.ts'

/**
 * Accounts of the ledger, each of one transaction. `sender`: money that came from outside, negative. `receiver`: what the
 * receiver has of it, or gets. `platform`: fees, and losses. `disputes`: what banks hold back until a dispute ends.
 */
export type LedgerAccount = 'sender' | 'receiver' | 'platform' | 'disputes'

/** Why money moves. */
export type MovementKind =
  | 'payment'
  | 'fee'
  | 'refund'
  | 'fee_refund'
  | 'platform_refund'
  | 'dispute'
  | 'dispute_won'
  | 'dispute_lost'

/** Money that moves between two accounts, in minor units. */
export type Movement = {
  readonly kind: MovementKind
  readonly from: LedgerAccount
  readonly to: LedgerAccount
  readonly amount: number
}

/** What a tip is made of; `destination`: the connected account that it is transferred to, or `null`. */
export type TipAmounts = { readonly amount: number; readonly fee: number; readonly destination: string | null }

/**
 * Returns the ways of money. Of a tip that was transferred, Stripe debits disputes from the platform, and the transfer stays
 * (https://docs.stripe.com/connect/marketplace/tasks/refunds-disputes).
 */
function pathsOf({ destination }: TipAmounts): readonly Omit<Movement, 'amount'>[] {
  const debited = destination === null ? 'receiver' : 'platform'
  return [
    { kind: 'payment', from: 'sender', to: 'receiver' },
    { kind: 'fee', from: 'receiver', to: 'platform' },
    { kind: 'refund', from: 'receiver', to: 'sender' },
    { kind: 'fee_refund', from: 'platform', to: 'receiver' },
    { kind: 'platform_refund', from: 'platform', to: 'sender' },
    { kind: 'dispute', from: debited, to: 'disputes' },
    { kind: 'dispute_won', from: 'disputes', to: debited },
    { kind: 'dispute_lost', from: 'disputes', to: 'sender' },
  ]
}

/**
 * Returns the movements that lead from the facts before to those after. Money moves back where a refund has failed, and where a
 * dispute that was won is stated as lost.
 */
export function movementsBetween(before: TipFacts, after: TipFacts, tip: TipAmounts): readonly Movement[] {
  const [done, due] = [totalsOf(before, tip), totalsOf(after, tip)]
  return pathsOf(tip).flatMap(({ kind, from, to }) => {
    const amount = due[kind] - done[kind]
    if (amount === 0) return []
    return amount > 0 ? [{ kind, from, to, amount }] : [{ kind, from: to, to: from, amount: -amount }]
  })
}

/** Returns what has moved in all, by kind. */
function totalsOf(facts: TipFacts, tip: TipAmounts): Readonly<Record<MovementKind, number>> {
  const { amount, fee, destination } = tip
  const paid = isPaid(facts)
  const all = refundedOf(facts)
  // A refund that leaves the transfer as it is costs the platform.
  const ofPlatform = destination === null ? 0 : Math.min(all, refundedUnreversedOf(facts))
  const refunded = all - ofPlatform
  return {
    payment: paid ? amount : 0,
    fee: paid ? fee : 0,
    refund: refunded,
    fee_refund: Math.floor((fee * refunded) / amount),
    platform_refund: ofPlatform,
    dispute: sumDisputes(facts, ['open', 'won', 'lost']),
    dispute_won: sumDisputes(facts, ['won']),
    dispute_lost: sumDisputes(facts, ['lost']),
  }
}

function sumDisputes({ disputes }: TipFacts, states: readonly DisputeState[]): number {
  return Object.values(disputes).reduce((sum, one) => (states.includes(one.state) ? sum + one.amount : sum), 0)
}

/** Returns the platform's fee of an amount, in minor units, rounded down. */
export function feeOf(amount: number, percent: number): number {
  return Math.floor((amount * Math.round(percent * 100)) / 10_000)
}
