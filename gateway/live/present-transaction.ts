import * as v from 'valibot'

import { refundedOf, TIP_STATUSES } from './rules/tip-status.ts'
import type { NamedTransaction } from './store/transactions.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())
/** `null` once the account is deleted. */
const Person = v.nullable(v.object({ user_id: v.string(), username: v.string() }))

/** A tip as its sender and its receiver see it. Amounts are in minor units. */
export const TransactionView = v.object({
  transaction_id: v.string(),
  /** `null` once the broadcast is deleted. */
  stream_id: v.nullable(v.string()),
  sender: Person,
  receiver: Person,
  amount: v.number(),
  currency: v.string(),
  message: v.string(),
  status: v.picklist(TIP_STATUSES),
  amount_refunded: v.number(),
  /** What the platform keeps, to the receiver only. */
  fee: v.nullable(v.number()),
  created_at: Moment,
  updated_at: Moment,
})
export type TransactionView = v.InferOutput<typeof TransactionView>

/** Returns a tip as a user sees it who has sent it or gets it. */
export function presentTransaction({ transaction, ...names }: NamedTransaction, viewerId: string): TransactionView {
  const { senderId, receiverId } = transaction
  return {
    transaction_id: transaction.transactionId,
    stream_id: transaction.streamId,
    sender: presentPerson(senderId, names.sender),
    receiver: presentPerson(receiverId, names.receiver),
    amount: transaction.amount,
    currency: transaction.currency,
    message: transaction.message,
    status: transaction.status,
    amount_refunded: Math.min(refundedOf(transaction.facts), transaction.amount),
    fee: receiverId === viewerId ? transaction.fee : null,
    created_at: transaction.createdAt.toISOString(),
    updated_at: transaction.updatedAt.toISOString(),
  }
}

function presentPerson(userId: string | null, username: string | null): TransactionView['sender'] {
  return userId === null || username === null ? null : { user_id: userId, username }
}
