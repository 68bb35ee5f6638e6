import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { Stripe } from 'stripe'

import {
  controlsOf,
  createAccount,
  handleCall,
  refuse,
  type Account,
  type Answer,
  type Call,
  type StripeBalance,
  type StripeObject,
} from './stripe-account.ts'

export type { StripeObject } from './stripe-account.ts'

/**
 * What becomes of a call that creates. `drop`: it is done, and its answer is lost; `hang`: it is done, and there is no answer;
 * `fail`, `refuse`: it is not done, and Stripe fails or lacks the balance; `limit`: Stripe does not begin with it.
 */
export type CallOutcome = 'answer' | 'drop' | 'hang' | 'fail' | 'refuse' | 'limit'

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
  /** Holds calls that create until `count` calls have come under the key of one that is held. */
  holdUntilConflicts(count: number): void
  /** The payer completes a payment, or fails to. */
  pay(intentId: string): void
  failToPay(intentId: string): void
  /** What the platform and a connected account have of payments, by the ids of these. */
  readonly balances: ReadonlyMap<string, StripeBalance>
  /** The operator refunds a payment; returns the id of the refund. */
  refund(intentId: string, terms?: { readonly reversesTransfer?: boolean; readonly refundsFee?: boolean }): string
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

/** Statuses of answers that Stripe does not store under a key: it has not begun with the call. */
const NOT_STORED: ReadonlySet<number> = new Set([401, 409, 429])

/** Returns the answer that takes the place of what a call would do; `null`: the call is done. */
function failureOf(outcome: CallOutcome): Answer | null {
  if (outcome === 'fail') return refuse(500, null, 'api_error')
  if (outcome === 'refuse') return refuse(400, 'balance_insufficient')
  return outcome === 'limit' ? refuse(429, 'rate_limit') : null
}

/** Calls under keys, as one account answers them. */
type KeyedCalls = Pick<StripeStandIn, 'setOutcome' | 'holdUntilConflicts'> & {
  readonly outcome: () => CallOutcome
  answerOnce(key: string | undefined, call: Call): Promise<Answer>
}

function createKeyedCalls(account: Account): KeyedCalls {
  const stored = new Map<string, { readonly request: string; readonly answer: Answer }>()
  const running = new Set<string>()
  let outcome: CallOutcome = 'answer'
  let gate: Promise<void> = Promise.resolve()
  let onConflict = () => {}
  return {
    outcome: () => outcome,
    setOutcome(next) {
      outcome = next
    },
    holdUntilConflicts(count) {
      let left = count
      gate = new Promise((resolve) => {
        onConflict = () => void (--left <= 0 && resolve())
      })
    },
    /**
     * https://docs.stripe.com/api/idempotent_requests: the same parameters get the first answer, also where it is a failure;
     * others are refused, and so is a call while another one has its key.
     */
    async answerOnce(key, call) {
      const request = `${call.method} ${call.path} ${call.form.toString()}`
      const known = key === undefined ? undefined : stored.get(key)
      if (known !== undefined) return known.request === request ? known.answer : refuse(400, null, 'idempotency_error')
      if (key === undefined) return handleCall(account, call)
      if (running.has(key)) {
        onConflict()
        return refuse(409, 'idempotency_key_in_use', 'idempotency_error')
      }
      running.add(key)
      await gate
      running.delete(key)
      const answer = failureOf(outcome) ?? handleCall(account, call)
      if (!NOT_STORED.has(answer.status)) stored.set(key, { request, answer })
      return answer
    },
  }
}

/** Starts a stand-in at a free port of this machine. */
export async function startStripeStandIn(): Promise<StripeStandIn> {
  const account = createAccount()
  const calls = createKeyedCalls(account)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await readCall(request)
    if (request.headers.authorization !== `Bearer ${SECRET_KEY}`) return send(response, refuse(401, 'api_key_invalid'))
    const isCreation = call.method === 'POST'
    const answer = await calls.answerOnce(request.headers['idempotency-key']?.toString(), call)
    if (isCreation && calls.outcome() === 'hang') return
    if (isCreation && calls.outcome() === 'drop') request.socket.destroy()
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
    setOutcome: calls.setOutcome,
    holdUntilConflicts: calls.holdUntilConflicts,
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
