import { isPaid, refundedOf, type DisputeState, type TipFacts } from './tip-status.ts'

/**
 * Accounts of the ledger, each of one transaction. `sender`: money that came from outside, negative. `receiver`: what the
 * receiver has of it. `platform`: fees. `disputes`: what banks hold back until a dispute ends.
 */
export type LedgerAccount = 'sender' | 'receiver' | 'platform' | 'disputes'

/** Why money moves. */
export type MovementKind = 'payment' | 'fee' | 'refund' | 'fee_refund' | 'dispute' | 'dispute_won' | 'dispute_lost'

/** Money that moves between two accounts, in minor units. */
export type Movement = {
  readonly kind: MovementKind
  readonly from: LedgerAccount
  readonly to: LedgerAccount
  readonly amount: number
}

/** What a tip is made of. */
export type TipAmounts = { readonly amount: number; readonly fee: number }

const PATHS: readonly Omit<Movement, 'amount'>[] = [
  { kind: 'payment', from: 'sender', to: 'receiver' },
  { kind: 'fee', from: 'receiver', to: 'platform' },
  { kind: 'refund', from: 'receiver', to: 'sender' },
  { kind: 'fee_refund', from: 'platform', to: 'receiver' },
  { kind: 'dispute', from: 'receiver', to: 'disputes' },
  { kind: 'dispute_won', from: 'disputes', to: 'receiver' },
  { kind: 'dispute_lost', from: 'disputes', to: 'sender' },
]

/**
 * Returns the movements that lead from the facts before to those after. Money moves back where a refund has failed, and where a
 * dispute that was won is stated as lost.
 */
export function movementsBetween(before: TipFacts, after: TipFacts, tip: TipAmounts): readonly Movement[] {
  const [done, due] = [totalsOf(before, tip), totalsOf(after, tip)]
  return PATHS.flatMap(({ kind, from, to }) => {
    const amount = due[kind] - done[kind]
    if (amount === 0) return []
    return amount > 0 ? [{ kind, from, to, amount }] : [{ kind, from: to, to: from, amount: -amount }]
  })
}

/** Returns what has moved in all, by kind. */
function totalsOf(facts: TipFacts, { amount, fee }: TipAmounts): Readonly<Record<MovementKind, number>> {
  const paid = isPaid(facts)
  const refunded = refundedOf(facts)
  return {
    payment: paid ? amount : 0,
    fee: paid ? fee : 0,
    refund: refunded,
    fee_refund: Math.floor((fee * refunded) / amount),
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
