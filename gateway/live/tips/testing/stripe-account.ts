/** The objects of an account of Stripe, and what its API and the world outside do to them. */

/** An object of Stripe's API, as JSON. */
export type StripeObject = Record<string, unknown> & { readonly id: string }

/** A call of the API. */
export type Call = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
}
export type Answer = { readonly status: number; readonly body: unknown }

/** Returns a refusal as Stripe writes it. */
export function refuse(status: number, code: string | null, type = 'invalid_request_error'): Answer {
  return { status, body: { error: { type, code, message: code ?? type } } }
}

function readMetadata(form: URLSearchParams): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...form].flatMap(([name, value]) => {
      const [, key] = /^metadata\[(\w+)\]$/.exec(name) ?? []
      return key === undefined ? [] : [[key, value]]
    }),
  )
}

/** The objects of an account. */
export type Account = {
  readonly intents: Map<string, StripeObject>
  readonly charges: Map<string, StripeObject>
  readonly refunds: Map<string, StripeObject>
  readonly disputes: Map<string, StripeObject>
  readonly events: StripeObject[]
  /** What the platform and a connected account have of payments, by the ids of these. */
  readonly balances: Map<string, StripeBalance>
}

/** Amounts in minor units. */
export type StripeBalance = { readonly platform: number; readonly connected: number }

/** Returns an account that has nothing. */
export function createAccount(): Account {
  return {
    intents: new Map(),
    charges: new Map(),
    refunds: new Map(),
    disputes: new Map(),
    events: [],
    balances: new Map(),
  }
}

let last = 0
const newId = (prefix: string) => `${prefix}_${String(++last).padStart(6, '0')}`
const nowSec = () => Math.floor(Date.now() / 1000)

function emit({ events }: Account, type: string, object: StripeObject): void {
  const data = { object: structuredClone(object) }
  events.push({ id: newId('evt'), object: 'event', type, created: nowSec(), data })
}

/** Changes an object and returns it. @throws Error where there is none */
function change(objects: Map<string, StripeObject>, id: unknown, more: object = {}): StripeObject {
  const object = objects.get(String(id))
  if (object === undefined) throw new Error(`there is no ${String(id)}`)
  const changed = { ...object, ...more }
  objects.set(object.id, changed)
  return changed
}

function chargeOf({ intents, charges }: Account, intentId: string): StripeObject {
  return change(charges, intents.get(intentId)?.['latest_charge'])
}

/** Moves money of a payment to the platform and to the connected account, or from them. */
function move({ balances }: Account, intentId: unknown, { platform = 0, connected = 0 }: Partial<StripeBalance>): void {
  const before = balances.get(String(intentId)) ?? { platform: 0, connected: 0 }
  const after = { platform: before.platform + platform, connected: before.connected + connected }
  balances.set(String(intentId), after)
}

/** What a refund takes back from the connected account, and what it returns to it. */
type RefundTerms = { readonly reversesTransfer?: boolean; readonly refundsFee?: boolean; readonly metadata?: object }

/** Refunds what is left of a payment. */
function refundIntent(account: Account, intentId: string, terms: RefundTerms = {}): StripeObject {
  const { reversesTransfer = false, refundsFee = false, metadata = {} } = terms
  const { id: charge, amount, amount_refunded: before } = chargeOf(account, intentId)
  emit(account, 'charge.refunded', change(account.charges, charge, { refunded: true, amount_refunded: amount }))
  const left = Number(amount) - Number(before)
  const [id, status] = [newId('re'), 'succeeded']
  const reversal = reversesTransfer ? newId('trr') : null
  const about = { id, object: 'refund', charge, payment_intent: intentId, amount: left, status, metadata }
  const refund = { ...about, transfer_reversal: reversal }
  account.refunds.set(id, refund)
  const fee = refundsFee ? Number(account.intents.get(intentId)?.['application_fee_amount']) : 0
  const reversed = reversesTransfer ? left : 0
  move(account, intentId, { platform: reversed - left - fee, connected: fee - reversed })
  emit(account, 'refund.created', refund)
  return refund
}

/** Returns the amount of a refund to the account (https://docs.stripe.com/refunds#failed-refunds). */
function failRefund(account: Account, refundId: string): void {
  const refund = change(account.refunds, refundId, { status: 'failed', failure_reason: 'expired_or_canceled_card' })
  const { amount_refunded: before } = change(account.charges, refund['charge'])
  const left = Number(before) - Number(refund['amount'])
  move(account, refund['payment_intent'], { platform: Number(refund['amount']) })
  change(account.charges, refund['charge'], { refunded: false, amount_refunded: left })
  for (const type of ['refund.failed', 'charge.refund.updated']) emit(account, type, refund)
}

function createIntent({ intents }: Account, { form }: Call): Answer {
  const id = newId('pi')
  const destination = form.get('transfer_data[destination]')
  const fee = form.get('application_fee_amount')
  const intent = {
    id,
    object: 'payment_intent',
    created: nowSec(),
    amount: Number(form.get('amount')),
    currency: form.get('currency'),
    status: 'requires_payment_method',
    client_secret: `${id}_secret_standin`,
    latest_charge: null,
    transfer_data: destination === null ? null : { destination },
    application_fee_amount: fee === null ? null : Number(fee),
    metadata: readMetadata(form),
  }
  intents.set(id, intent)
  return { status: 200, body: intent }
}

function createRefund(account: Account, { form }: Call): Answer {
  const id = form.get('payment_intent') ?? ''
  if (account.intents.get(id)?.['status'] !== 'succeeded') return refuse(400, 'charge_not_found')
  if (chargeOf(account, id)['refunded'] === true) return refuse(400, 'charge_already_refunded')
  const reversesTransfer = form.get('reverse_transfer') === 'true'
  const refundsFee = form.get('refund_application_fee') === 'true'
  const { transfer_data: transfer, application_fee_amount: fee } = change(account.intents, id)
  if (reversesTransfer && transfer === null) return refuse(400, null)
  if (refundsFee && fee === null) return refuse(400, null)
  const terms = { reversesTransfer, refundsFee, metadata: readMetadata(form) }
  return { status: 200, body: refundIntent(account, id, terms) }
}

/** Pays an intent: of one with a destination, all is transferred but the fee. */
function payIntent(account: Account, intentId: string): void {
  const { intents, charges } = account
  const { amount, currency, metadata, transfer_data: transfer, application_fee_amount: fee } = change(intents, intentId)
  const id = newId('ch')
  const charge = { id, object: 'charge', payment_intent: intentId, amount, currency, metadata }
  charges.set(id, { ...charge, amount_refunded: 0, refunded: false })
  const kept = transfer === null ? Number(amount) : Number(fee)
  move(account, intentId, { platform: kept, connected: Number(amount) - kept })
  const paid = { status: 'succeeded', amount_received: amount, latest_charge: id }
  emit(account, 'payment_intent.succeeded', change(intents, intentId, paid))
}

function list(objects: Iterable<StripeObject>, { query }: Call): Answer {
  const all = [...objects].toReversed()
  const from = all.findIndex(({ id }) => id === query.get('starting_after')) + 1
  const to = from + Number(query.get('limit') ?? 10)
  return { status: 200, body: { object: 'list', data: all.slice(from, to), has_more: to < all.length } }
}

/** Performs a call of the API. */
export function handleCall(account: Account, call: Call): Answer {
  const { intents, charges, refunds, disputes } = account
  switch (`${call.method} ${call.path}`) {
    case 'POST /v1/payment_intents':
      return createIntent(account, call)
    case 'GET /v1/payment_intents': {
      const all = [...intents.values()]
      const expanded = all.map((one) => ({ ...one, latest_charge: charges.get(String(one['latest_charge'])) ?? null }))
      return list(expanded, call)
    }
    case 'POST /v1/refunds':
      return createRefund(account, call)
    case 'GET /v1/refunds':
      return list(refunds.values(), call)
    case 'GET /v1/disputes':
      return list(disputes.values(), call)
    default: {
      const intent = intents.get(/^\/v1\/payment_intents\/(\w+)$/.exec(call.path)?.[1] ?? '')
      return intent === undefined ? refuse(404, 'resource_missing') : { status: 200, body: intent }
    }
  }
}

/** Returns what happens outside of the API. */
export function controlsOf(account: Account) {
  const { intents, disputes, events, balances } = account
  return {
    intents,
    events,
    balances,
    pay: (intentId: string) => payIntent(account, intentId),
    failToPay: (intentId: string) => emit(account, 'payment_intent.payment_failed', change(intents, intentId)),
    refund: (intentId: string, terms: RefundTerms = {}) => refundIntent(account, intentId, terms).id,
    failRefund: (refundId: string) => failRefund(account, refundId),
    forget: (intentId: string) => void intents.delete(intentId),
    dispute(intentId: string) {
      const { id: charge, amount } = chargeOf(account, intentId)
      const id = newId('dp')
      const dispute = { id, object: 'dispute', charge, payment_intent: intentId, amount, status: 'needs_response' }
      disputes.set(id, dispute)
      move(account, intentId, { platform: -Number(amount) })
      emit(account, 'charge.dispute.created', dispute)
      return id
    },
    closeDispute(disputeId: string, status: 'won' | 'lost') {
      const dispute = change(disputes, disputeId, { status })
      if (status === 'won') move(account, dispute['payment_intent'], { platform: Number(dispute['amount']) })
      emit(account, 'charge.dispute.closed', dispute)
    },
  }
}
