import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { Stripe } from 'stripe'

/** An object of Stripe's API, as JSON. */
export type StripeObject = Record<string, unknown> & { readonly id: string }

/** What becomes of a call: `drop`: it is done, and its answer is lost; `hang`: it is done, and there is no answer. */
export type CallOutcome = 'answer' | 'drop' | 'hang' | 'fail'

/** A stand-in of Stripe's API over HTTP: PaymentIntents, refunds and disputes, idempotency keys, and signed events. */
export type StripeStandIn = AsyncDisposable & {
  readonly url: string
  readonly secretKey: string
  readonly webhookSecret: string
  /** The settings of a gateway that uses it. */
  readonly env: Readonly<Record<string, string>>
  readonly intents: ReadonlyMap<string, StripeObject>
  /** What has happened, in its order, as events. */
  readonly events: readonly StripeObject[]
  /** Sets what becomes of calls that create. */
  setOutcome(outcome: CallOutcome): void
  /** The payer completes a payment, or fails to. */
  pay(intentId: string): void
  failToPay(intentId: string): void
  /** The operator refunds a payment; returns the id of the refund. */
  refund(intentId: string): string
  /** The payer's bank returns a refund. */
  failRefund(refundId: string): void
  /** The account loses a payment, as another account would have it. */
  forget(intentId: string): void
  /** The payer's bank disputes a payment; returns the id of the dispute. */
  dispute(intentId: string): string
  closeDispute(disputeId: string, status: 'won' | 'lost'): void
}

const SECRET_KEY = 'sk_test_standin0123456789'
const WEBHOOK_SECRET = 'whsec_standin0123456789'

/** Returns the header that signs an event, by Stripe's own library. */
export function signEvent(payload: string, { secret = WEBHOOK_SECRET, ageSec = 0 } = {}): string {
  const timestamp = Math.floor(Date.now() / 1000) - ageSec
  return Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp })
}

type Call = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
}
type Answer = { readonly status: number; readonly body: unknown }

/** Starts a stand-in at a free port of this machine. */
export async function startStripeStandIn(): Promise<StripeStandIn> {
  const account = createAccount()
  const stored = new Map<string, { readonly request: string; readonly answer: Answer }>()
  let outcome: CallOutcome = 'answer'

  /** https://docs.stripe.com/api/idempotent_requests: the same parameters get the first answer, others are refused. */
  function answerOnce(key: string | undefined, call: Call): Answer {
    const request = `${call.method} ${call.path} ${call.form.toString()}`
    const known = key === undefined ? undefined : stored.get(key)
    if (known !== undefined) return known.request === request ? known.answer : keyReused()
    const answer = handleCall(account, call)
    if (key !== undefined && answer.status < 400) stored.set(key, { request, answer })
    return answer
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request)
    if (request.headers.authorization !== `Bearer ${SECRET_KEY}`) return send(response, refuse(401, 'api_key_invalid'))
    const isCreation = call.method === 'POST'
    if (isCreation && outcome === 'fail') return send(response, refuse(500, 'api_error'))
    const answer = answerOnce(request.headers['idempotency-key']?.toString(), call)
    if (isCreation && outcome === 'hang') return
    if (isCreation && outcome === 'drop') request.socket.destroy()
    else send(response, answer)
  }

  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the stand-in has no port')
  const url = `http://127.0.0.1:${address.port}`
  return {
    ...controlsOf(account),
    url,
    secretKey: SECRET_KEY,
    webhookSecret: WEBHOOK_SECRET,
    env: { STRIPE_SECRET_KEY: SECRET_KEY, STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET, STRIPE_API_URL: url },
    setOutcome(next) {
      outcome = next
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function readCall(request: IncomingMessage): Promise<Call> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  const url = new URL(request.url ?? '/', 'http://stand-in')
  const form = new URLSearchParams(body)
  return { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, form }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(status: number, code: string, type = 'invalid_request_error'): Answer {
  return { status, body: { error: { type, code, message: code } } }
}

function keyReused(): Answer {
  return refuse(400, 'idempotency_key_in_use', 'idempotency_error')
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
type Account = {
  readonly intents: Map<string, StripeObject>
  readonly charges: Map<string, StripeObject>
  readonly refunds: Map<string, StripeObject>
  readonly disputes: Map<string, StripeObject>
  readonly events: StripeObject[]
}

function createAccount(): Account {
  return { intents: new Map(), charges: new Map(), refunds: new Map(), disputes: new Map(), events: [] }
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

/** Refunds what is left of a payment. */
function refundIntent(account: Account, intentId: string, metadata: object = {}): StripeObject {
  const { id: charge, amount, amount_refunded: before } = chargeOf(account, intentId)
  emit(account, 'charge.refunded', change(account.charges, charge, { refunded: true, amount_refunded: amount }))
  const left = Number(amount) - Number(before)
  const [id, status] = [newId('re'), 'succeeded']
  const refund = { id, object: 'refund', charge, payment_intent: intentId, amount: left, status, metadata }
  account.refunds.set(id, refund)
  emit(account, 'refund.created', refund)
  return refund
}

/** Returns the amount of a refund to the account (https://docs.stripe.com/refunds#failed-refunds). */
function failRefund(account: Account, refundId: string): void {
  const refund = change(account.refunds, refundId, { status: 'failed', failure_reason: 'expired_or_canceled_card' })
  const { amount_refunded: before } = change(account.charges, refund['charge'])
  const left = Number(before) - Number(refund['amount'])
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
  return { status: 200, body: refundIntent(account, id, readMetadata(form)) }
}

function list(objects: Iterable<StripeObject>, { query }: Call): Answer {
  const all = [...objects].toReversed()
  const from = all.findIndex(({ id }) => id === query.get('starting_after')) + 1
  const to = from + Number(query.get('limit') ?? 10)
  return { status: 200, body: { object: 'list', data: all.slice(from, to), has_more: to < all.length } }
}

function handleCall(account: Account, call: Call): Answer {
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
function controlsOf(account: Account) {
  const { intents, charges, disputes, events } = account
  return {
    intents,
    events,
    pay(intentId: string) {
      const { amount, currency, metadata } = change(intents, intentId)
      const id = newId('ch')
      const charge = { id, object: 'charge', payment_intent: intentId, amount, currency, metadata }
      charges.set(id, { ...charge, amount_refunded: 0, refunded: false })
      const paid = { status: 'succeeded', amount_received: amount, latest_charge: id }
      emit(account, 'payment_intent.succeeded', change(intents, intentId, paid))
    },
    failToPay: (intentId: string) => emit(account, 'payment_intent.payment_failed', change(intents, intentId)),
    refund: (intentId: string) => refundIntent(account, intentId).id,
    failRefund: (refundId: string) => failRefund(account, refundId),
    forget: (intentId: string) => void intents.delete(intentId),
    dispute(intentId: string) {
      const { id: charge, amount } = chargeOf(account, intentId)
      const id = newId('dp')
      const dispute = { id, object: 'dispute', charge, payment_intent: intentId, amount, status: 'needs_response' }
      disputes.set(id, dispute)
      emit(account, 'charge.dispute.created', dispute)
      return id
    },
    closeDispute: (disputeId: string, status: 'won' | 'lost') =>
      emit(account, 'charge.dispute.closed', change(disputes, disputeId, { status })),
  }
}
