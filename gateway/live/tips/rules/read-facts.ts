import * as v from 'valibot'

import { UUID } from '../../../../shared/ids.ts'
import { NO_FACTS, type DisputeFact, type DisputeState, type TipFacts } from '../../rules/tip-status.ts'

/** What an object of Stripe states of the tip that it belongs to. */
export type StatedFacts = {
  readonly paymentIntent: string
  /** From the metadata that the gateway sent, where the object has them. */
  readonly transactionId: string | null
  readonly facts: TipFacts
}

/** The id of an object that Stripe may have expanded. */
const Ref = v.union([
  v.string(),
  v.pipe(
    v.object({ id: v.string() }),
    v.transform(({ id }) => id),
  ),
])

const Metadata = v.nullish(v.record(v.string(), v.string()), {})

const Charge = v.object({
  payment_intent: v.nullish(Ref, null),
  amount_refunded: v.number(),
  metadata: Metadata,
})

const Intent = v.object({ id: v.string(), metadata: Metadata })

/** A PaymentIntent of Stripe's list, whose newest charge is expanded. */
const ListedIntent = v.object({
  ...Intent.entries,
  amount: v.number(),
  currency: v.string(),
  status: v.string(),
  latest_charge: v.nullish(v.union([v.string(), v.object({ amount_refunded: v.optional(v.number(), 0) })]), null),
})

const Dispute = v.object({
  id: v.string(),
  payment_intent: v.nullish(Ref, null),
  amount: v.number(),
  status: v.string(),
})

const Refund = v.object({
  id: v.string(),
  payment_intent: v.nullish(Ref, null),
  amount: v.number(),
  status: v.nullish(v.string(), null),
  /** `null`: the transfer to a connected account stays as it is, or there is none. */
  transfer_reversal: v.nullish(Ref),
  metadata: Metadata,
})

/** The key of a transaction's id in the metadata of Stripe's objects. */
export const METADATA_KEY = 'tallylight_transaction'

const INTENT_FACTS: Readonly<Record<string, Partial<TipFacts>>> = {
  'payment_intent.succeeded': { hasSucceeded: true },
  'payment_intent.payment_failed': { hasFailed: true },
  'payment_intent.canceled': { isCanceled: true },
}

/** Events of which the object is a refund. Stripe sends some of them for certain ways to pay only. */
const REFUND_EVENTS: ReadonlySet<string> = new Set([
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.refund.updated',
])
const FAILED_REFUNDS: ReadonlySet<string | null> = new Set(['failed', 'canceled'])

/**
 * Returns what an event of Stripe states; `null` where it is about no tip.
 * @throws ValiError where the object of a known event cannot be read
 */
export function readEventFacts(type: string, object: unknown): StatedFacts | null {
  const ofIntent = INTENT_FACTS[type]
  if (ofIntent !== undefined) return stateOfIntent(v.parse(Intent, object), ofIntent)
  if (REFUND_EVENTS.has(type)) return readRefundFacts(object)
  if (type === 'charge.refunded') return readChargeFacts(v.parse(Charge, object))
  if (type === 'charge.dispute.created' || type === 'charge.dispute.closed') return readDisputeFacts(object)
  return null
}

/** Returns the id of a tip in metadata; other programs may use the same account of Stripe. */
function tipIn(metadata: Readonly<Record<string, string>> | null | undefined): string | null {
  const id = metadata?.[METADATA_KEY]
  return id !== undefined && UUID.test(id) ? id : null
}

type Intent = v.InferOutput<typeof Intent>

function stateOfIntent({ id, metadata }: Intent, facts: Partial<TipFacts>): StatedFacts {
  return { paymentIntent: id, transactionId: tipIn(metadata), facts: { ...NO_FACTS, ...facts } }
}

function readChargeFacts({ payment_intent: paymentIntent, ...charge }: v.InferOutput<typeof Charge>) {
  if (paymentIntent === null) return null
  const { amount_refunded: refunded, metadata } = charge
  return { paymentIntent, transactionId: tipIn(metadata), facts: { ...NO_FACTS, refunded } }
}

/**
 * Returns what a refund states; `null` where it is about no tip.
 * @throws ValiError where it cannot be read
 */
export function readRefundFacts(object: unknown): StatedFacts | null {
  const { id, payment_intent: paymentIntent, amount, status, metadata, ...refund } = v.parse(Refund, object)
  if (paymentIntent === null) return null
  const { transfer_reversal: reversal } = refund
  const isReversed = reversal === undefined ? {} : { isTransferReversed: reversal !== null }
  const refunds = { [id]: { amount, hasFailed: FAILED_REFUNDS.has(status), ...isReversed } }
  return { paymentIntent, transactionId: tipIn(metadata), facts: { ...NO_FACTS, refunds } }
}

/**
 * Returns what a dispute states; `null` where it is about no tip.
 * @throws ValiError where it cannot be read
 */
export function readDisputeFacts(object: unknown): StatedFacts | null {
  const { id, payment_intent: paymentIntent, amount, status } = v.parse(Dispute, object)
  if (paymentIntent === null) return null
  // An inquiry (`warning_…`) holds no money back.
  const fact: DisputeFact = { state: stateOfDispute(status), amount: status.startsWith('warning_') ? 0 : amount }
  return { paymentIntent, transactionId: null, facts: { ...NO_FACTS, disputes: { [id]: fact } } }
}

function stateOfDispute(status: string): DisputeState {
  if (status === 'lost') return 'lost'
  return status === 'won' || status === 'warning_closed' || status === 'prevented' ? 'won' : 'open'
}

/** A PaymentIntent as Stripe lists it. */
export type ListedPayment = StatedFacts & { readonly amount: number; readonly currency: string }

/**
 * Returns what a PaymentIntent of Stripe's list states.
 * @throws ValiError where it cannot be read
 */
export function readListedIntent(object: unknown): ListedPayment {
  const { amount, currency, status, latest_charge: charge, ...intent } = v.parse(ListedIntent, object)
  const refunded = charge !== null && typeof charge === 'object' ? charge.amount_refunded : 0
  const facts = { hasSucceeded: status === 'succeeded', isCanceled: status === 'canceled', refunded }
  return { ...stateOfIntent(intent, facts), amount, currency }
}
