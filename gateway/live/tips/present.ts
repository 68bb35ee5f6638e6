import * as v from 'valibot'

import { TransactionView } from '../present-transaction.ts'

/** Answer to `POST /transactions`: with the secret, the sender's page completes the payment at Stripe. */
export const OpenedTransaction = v.object({
  ...TransactionView.entries,
  payment_intent: v.string(),
  client_secret: v.nullable(v.string()),
})
export type OpenedTransaction = v.InferOutput<typeof OpenedTransaction>

/** Answer to `GET /transactions`. */
export const TransactionList = v.object({
  transactions: v.array(TransactionView),
  next_cursor: v.nullable(v.string()),
})
export type TransactionList = v.InferOutput<typeof TransactionList>

/** Answer to the events of Stripe. */
export const EventReceived = v.object({ received: v.literal(true) })

/** Answer to `PUT /users/{id}/payout-account`. */
export const PayoutAccount = v.object({ user_id: v.string(), account_id: v.nullable(v.string()) })
export type PayoutAccount = v.InferOutput<typeof PayoutAccount>
