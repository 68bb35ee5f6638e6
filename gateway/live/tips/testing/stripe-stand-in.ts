import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import Stripe from 'stripe'

/** An object of Stripe's API, as JSON. */
export type StripeObject = Record<string, unknown> & { readonly id: string }

/** What becomes of a call: `drop`: it is done, and its answer is lost. */
export type CallOutcome = 'answer' | 'drop' | 'fail'

/** A stand-in of Stripe's API over HTTP: PaymentIntents, refunds and disputes, idempotency keys, and signed events. */
export type StripeStandIn = AsyncDisposable & {
  readonly url: string
  readonly secretKey: string
  readonly webhookSecret: string
  readonly intents: ReadonlyMap<string, StripeObject>
  /** What has happened, in its order, as events. */
  readonly events: readonly StripeObject[]
  /** Sets what becomes of calls that create. */
  setOutcome(outcome: CallOutcome): void
  /** The payer completes a payment, or fails to. */
  pay(intentId: string): void
  failToPay(intentId: string): void
  cancel(intentId: string): void
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
    const answer = account.handle(call)
    if (key !== undefined && answer.status < 400) stored.set(key, { request, answer })
    return answer
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request)
    if (request.headers.authorization !== `Bearer ${SECRET_KEY}`) return send(response, refuse(401, 'api_key_invalid'))
    const isCreation = call.method === 'POST'
    if (isCreation && outcome === 'fail') return send(response, refuse(500, 'api_error'))
    const answer = answerOnce(request.headers['idempotency-key']?.toString(), call)
    if (isCreation && outcome === 'drop') request.socket.destroy()
    else send(response, answer)
  }

  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the stand-in has no port')
  return {
    ...account.controls,
    url: `http://127.0.0.1:${address.port}`,
    secretKey: SECRET_KEY,
    webhookSecret: WEBHOOK_SECRET,
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

/** Returns the objects of an account, the calls that change them, and what happens outside of the API. */
function createAccount() {
  const intents = new Map<string, StripeObject>()
  const charges = new Map<string, StripeObject>()
  const disputes = new Map<string, StripeObject>()
  const events: StripeObject[] = []
  let last = 0
  const newId = (prefix: string) => `${prefix}_${String(++last).padStart(6, '0')}`
  const created = Math.floor(Date.now() / 1000)

  function emit(type: string, object: StripeObject): void {
    events.push({ id: newId('evt'), object: 'event', type, created, data: { object: structuredClone(object) } })
  }
  function change(objects: Map<string, StripeObject>, id: unknown, more: object): StripeObject {
    const object = objects.get(String(id))
    if (object === undefined) throw new Error(`there is no ${String(id)}`)
    const changed = { ...object, ...more }
    objects.set(object.id, changed)
    return changed
  }
  function chargeOf(intentId: string): StripeObject {
    return change(charges, intents.get(intentId)?.['latest_charge'], {})
  }

  function createIntent({ form }: Call): Answer {
    const id = newId('pi')
    const intent = {
      id,
      object: 'payment_intent',
      created,
      amount: Number(form.get('amount')),
      currency: form.get('currency'),
      status: 'requires_payment_method',
      client_secret: `${id}_secret_standin`,
      latest_charge: null,
      transfer_data: form.has('transfer_data[destination]')
        ? { destination: form.get('transfer_data[destination]') }
        : null,
      application_fee_amount: form.has('application_fee_amount') ? Number(form.get('application_fee_amount')) : null,
      metadata: readMetadata(form),
    }
    if (intent.amount < 50) return refuse(400, 'amount_too_small')
    intents.set(id, intent)
    return { status: 200, body: intent }
  }

  function createRefund({ form }: Call): Answer {
    const id = form.get('payment_intent') ?? ''
    if (intents.get(id)?.['status'] !== 'succeeded') return refuse(400, 'charge_not_found')
    const charge = chargeOf(id)
    if (charge['refunded'] === true) return refuse(400, 'charge_already_refunded')
    emit('charge.refunded', change(charges, charge.id, { refunded: true, amount_refunded: charge['amount'] }))
    return { status: 200, body: { id: newId('re'), object: 'refund', status: 'succeeded', payment_intent: id } }
  }

  function list(objects: Iterable<StripeObject>, { query }: Call): Answer {
    const all = [...objects].toReversed()
    const from = all.findIndex(({ id }) => id === query.get('starting_after')) + 1
    const to = from + Number(query.get('limit') ?? 10)
    return { status: 200, body: { object: 'list', data: all.slice(from, to), has_more: to < all.length } }
  }
  const withCharge = (intent: StripeObject) => ({
    ...intent,
    latest_charge: charges.get(String(intent['latest_charge'])) ?? null,
  })

  function handle(call: Call): Answer {
    switch (`${call.method} ${call.path}`) {
      case 'POST /v1/payment_intents':
        return createIntent(call)
      case 'GET /v1/payment_intents':
        return list([...intents.values()].map(withCharge), call)
      case 'POST /v1/refunds':
        return createRefund(call)
      case 'GET /v1/disputes':
        return list(disputes.values(), call)
      default: {
        const intent = intents.get(/^\/v1\/payment_intents\/(\w+)$/.exec(call.path)?.[1] ?? '')
        return intent === undefined ? refuse(404, 'resource_missing') : { status: 200, body: intent }
      }
    }
  }

  const controls = {
    intents,
    events,
    pay(intentId: string) {
      const { amount, currency, metadata } = change(intents, intentId, {})
      const id = newId('ch')
      const charge = { id, object: 'charge', payment_intent: intentId, amount, currency, metadata }
      charges.set(id, { ...charge, amount_refunded: 0, refunded: false })
      const paid = { status: 'succeeded', amount_received: amount, latest_charge: id }
      emit('payment_intent.succeeded', change(intents, intentId, paid))
    },
    failToPay: (intentId: string) => emit('payment_intent.payment_failed', change(intents, intentId, {})),
    cancel: (intentId: string) => emit('payment_intent.canceled', change(intents, intentId, { status: 'canceled' })),
    dispute(intentId: string) {
      const { id: charge, amount } = chargeOf(intentId)
      const id = newId('dp')
      const dispute = { id, object: 'dispute', charge, payment_intent: intentId, amount, status: 'needs_response' }
      disputes.set(id, dispute)
      emit('charge.dispute.created', dispute)
      return id
    },
    closeDispute: (disputeId: string, status: 'won' | 'lost') =>
      emit('charge.dispute.closed', change(disputes, disputeId, { status })),
  }
  return { handle, controls }
}
