import type Stripe from 'stripe'

import type { Log } from '../../../shared/log.ts'
import { BrokenRule, invalidField } from '../../errors.ts'
import { LIVE_ERRORS } from '../errors.ts'
import type { StripeSettings } from '../tip-settings.ts'
import {
  METADATA_KEY,
  readDisputeFacts,
  readListedIntent,
  readRefundFacts,
  type ListedPayment,
  type StatedFacts,
} from './rules/read-facts.ts'

/** Time limit of a call, in ms; with one retry it ends within the time of a request. */
const CALL_TIMEOUT_MS = 3000
const RETRIES = 1
const RETRY_SEC = 5
/** Waits for a call under the same key that Stripe is still at, in ms, one after the other. */
const CONFLICT_WAITS_MS = [250, 500, 1000]
const CONFLICT = 409
/** The most that Stripe lists on a page. */
const PAGE = 100

/** A payment that Stripe waits for; the secret lets the sender's page complete it. */
export type OpenPayment = { readonly paymentIntent: string; readonly clientSecret: string | null }

/** What Stripe needs to know of a tip. */
export type PaymentOrder = {
  readonly transactionId: string
  readonly amount: number
  readonly currency: string
  readonly fee: number
  readonly destination: string | null
  /** Calls for it that Stripe answered with a failure. */
  readonly failedCalls: number
}

/** An event of Stripe whose signature is right. */
export type StripeEvent = { readonly id: string; readonly type: string; readonly object: unknown }

/**
 * Payments by Stripe. Calls that create are idempotent by the id of the transaction and its failed calls.
 * Each throws BrokenRule PAYMENTS_UNAVAILABLE or PAYMENT_REFUSED.
 */
export type Payments = {
  create(order: PaymentOrder): Promise<OpenPayment>
  read(paymentIntent: string): Promise<OpenPayment>
  /** Refunds what is left of a payment; Stripe states it by an event. `failed` refunds of it came to nothing. */
  refund(order: PaymentOrder, payment: { readonly paymentIntent: string; readonly failed: number }): Promise<void>
  /** Returns an event by its raw body. @throws BrokenRule WEBHOOK_INVALID where it is not signed, or too old */
  readEvent(body: string, signature: string): Promise<StripeEvent>
  /** Lists the payments that were created in a window of time, by pages. */
  listPayments(window: TimeWindow): AsyncIterable<readonly ListedPayment[]>
  /** Lists the refunds that were made in a window of time, by pages. */
  listRefunds(window: TimeWindow): AsyncIterable<readonly StatedFacts[]>
  /** Lists the disputes that were opened in a window of time, by pages. */
  listDisputes(window: TimeWindow): AsyncIterable<readonly StatedFacts[]>
}

/** From one moment to another, in Unix time. */
export type TimeWindow = { readonly fromSec: number; readonly toSec: number }

/** Returns payments by an account of Stripe. Its library is loaded with the first call. */
export function createPayments(settings: StripeSettings, log: Log): Payments {
  let opened: Promise<Stripe> | null = null
  async function call<Answer>(work: (stripe: Stripe) => Promise<Answer>): Promise<Answer> {
    opened ??= openStripe(settings)
    const stripe = await opened
    try {
      return await retryConflict(() => work(stripe))
    } catch (error) {
      throw refusalOf(error, log)
    }
  }
  return {
    create: (order) => call(async (stripe) => toOpenPayment(await createIntent(stripe, order))),
    read: (id) => call(async (stripe) => toOpenPayment(await stripe.paymentIntents.retrieve(id))),
    refund: (order, payment) => call((stripe) => refundIntent(stripe, order, payment)),
    readEvent: (body, signature) => readEvent(body, signature, settings.webhookSecret),
    listPayments: (window) =>
      listPages((after) =>
        call(async (stripe) => {
          const query = { ...queryOf(window), expand: ['data.latest_charge'], ...after }
          return toPage(await stripe.paymentIntents.list(query), (one) => [readListedIntent(one)])
        }),
      ),
    listRefunds: (window) =>
      listPages((after) =>
        call(async (stripe) =>
          toPage(await stripe.refunds.list({ ...queryOf(window), ...after }), (one) => toItems(readRefundFacts(one))),
        ),
      ),
    listDisputes: (window) =>
      listPages((after) =>
        call(async (stripe) =>
          toPage(await stripe.disputes.list({ ...queryOf(window), ...after }), (one) => toItems(readDisputeFacts(one))),
        ),
      ),
  }
}

/** Repeats a call while Stripe is at another one under the same key, whose answer it gets then. */
async function retryConflict<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (const waitMs of CONFLICT_WAITS_MS) {
    try {
      return await work()
    } catch (error) {
      if (statusOf(error) !== CONFLICT) throw error
      await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }
  return work()
}

/** Returns the HTTP status that an error of Stripe's library came with; `null`: there was no answer. */
function statusOf(error: unknown): number | null {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : null
}

/**
 * Returns whether Stripe answered a call with a failure that it would repeat under the same key for a day
 * (https://docs.stripe.com/api/idempotent_requests). After a lost answer it returns false: the call may have been done.
 */
export function isStoredFailure(error: unknown): boolean {
  const status = error instanceof BrokenRule ? statusOf(error.cause) : null
  return status !== null && !NOT_STORED.has(status)
}

/** Conflicts and rate limits: Stripe has not begun with the call. */
const NOT_STORED = new Set([CONFLICT, 429])

function toItems(stated: StatedFacts | null): readonly StatedFacts[] {
  return stated === null ? [] : [stated]
}

/** Returns a client that runs on any runtime. */
async function openStripe({ secretKey, apiUrl }: StripeSettings): Promise<Stripe> {
  const { default: StripeClient } = await import('stripe')
  return new StripeClient(secretKey, {
    httpClient: StripeClient.createFetchHttpClient(fetchWithOwnLength),
    timeout: CALL_TIMEOUT_MS,
    maxNetworkRetries: RETRIES,
    telemetry: false,
    ...(apiUrl === null ? {} : addressOf(new URL(apiUrl))),
  })
}

/**
 * Fetches without the length that Stripe's library states: `fetch` of Node 20 adds its own to it, and undici, which serves it
 * where a program has loaded the package, refuses two.
 */
const fetchWithOwnLength: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers)
  headers.delete('content-length')
  return fetch(input, { ...init, headers })
}

function addressOf({ protocol, hostname, port }: URL) {
  const isTls = protocol === 'https:'
  const standardPort = isTls ? 443 : 80
  return {
    protocol: isTls ? ('https' as const) : ('http' as const),
    host: hostname,
    port: port === '' ? standardPort : Number(port),
  }
}

function createIntent(stripe: Stripe, order: PaymentOrder): Promise<Stripe.PaymentIntent> {
  const { transactionId, amount, currency, fee, destination } = order
  const connected =
    destination === null
      ? {}
      : { transfer_data: { destination }, ...(fee === 0 ? {} : { application_fee_amount: fee }) }
  return stripe.paymentIntents.create(
    {
      amount,
      currency,
      automatic_payment_methods: { enabled: true },
      metadata: { [METADATA_KEY]: transactionId },
      ...connected,
    },
    { idempotencyKey: keyOf(`tip-${transactionId}`, order) },
  )
}

/**
 * Returns the key of the next call. A new one after a failure moves no money twice, also where Stripe failed half-way: a
 * PaymentIntent takes nothing before its payer completes it, and a charge is refunded in full only once.
 */
function keyOf(name: string, { failedCalls }: PaymentOrder): string {
  return failedCalls === 0 ? name : `${name}-after-${failedCalls}`
}

function toOpenPayment({ id, client_secret: clientSecret }: Stripe.PaymentIntent): OpenPayment {
  return { paymentIntent: id, clientSecret }
}

async function refundIntent(
  stripe: Stripe,
  order: PaymentOrder,
  { paymentIntent, failed }: { readonly paymentIntent: string; readonly failed: number },
): Promise<void> {
  const { transactionId, fee, destination } = order
  const connected =
    destination === null ? {} : { reverse_transfer: true, ...(fee === 0 ? {} : { refund_application_fee: true }) }
  try {
    const params = { payment_intent: paymentIntent, metadata: { [METADATA_KEY]: transactionId }, ...connected }
    // Under the same key, Stripe would repeat the answer to the one that has failed.
    const key = `tip-refund-${transactionId}${failed === 0 ? '' : `-${failed}`}`
    await stripe.refunds.create(params, { idempotencyKey: keyOf(key, order) })
  } catch (error) {
    if (!hasCode(error, 'charge_already_refunded')) throw error
  }
}

async function readEvent(body: string, signature: string, secret: string): Promise<StripeEvent> {
  const { default: StripeClient } = await import('stripe')
  const crypto = StripeClient.createSubtleCryptoProvider()
  try {
    const event = await StripeClient.webhooks.constructEventAsync(body, signature, secret, undefined, crypto)
    return { id: event.id, type: event.type, object: event.data.object }
  } catch {
    const message = 'the body is not an event that Stripe has signed in the last five minutes'
    throw new BrokenRule(LIVE_ERRORS.WEBHOOK_INVALID, message)
  }
}

function queryOf({ fromSec, toSec }: TimeWindow) {
  return { limit: PAGE, created: { gte: fromSec, lte: toSec } }
}

/** A page of a list, and after which object the next one begins; `null`: it is the last. */
type ListPage<Item> = { readonly items: readonly Item[]; readonly lastId: string | null }

function toPage<Raw extends { readonly id: string }, Item>(
  { data, has_more: hasMore }: { readonly data: readonly Raw[]; readonly has_more: boolean },
  read: (raw: Raw) => readonly Item[],
): ListPage<Item> {
  return { items: data.flatMap(read), lastId: hasMore ? (data.at(-1)?.id ?? null) : null }
}

async function* listPages<Item>(
  readPage: (after: { readonly starting_after?: string }) => Promise<ListPage<Item>>,
): AsyncGenerator<readonly Item[]> {
  for (let after: { readonly starting_after?: string } | null = {}; after !== null;) {
    const { items, lastId }: ListPage<Item> = await readPage(after)
    yield items
    after = lastId === null ? null : { starting_after: lastId }
  }
}

/** Errors of Stripe's library that say nothing about the call itself. */
const TRANSIENT = new Set(['StripeConnectionError', 'StripeAPIError', 'StripeRateLimitError'])

function refusalOf(error: unknown, log: Log): unknown {
  const type = error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : ''
  if (!type.startsWith('Stripe')) return error
  const refusal = toRefusal(error, type, log)
  refusal.cause = error
  return refusal
}

function toRefusal(error: unknown, type: string, log: Log): BrokenRule {
  if (TRANSIENT.has(type)) {
    log.info('Stripe does not answer', { type, error })
    const message = 'Stripe does not answer at the moment; repeat the call with the same Idempotency-Key'
    return new BrokenRule(LIVE_ERRORS.PAYMENTS_UNAVAILABLE, message, { retryAfterSec: RETRY_SEC })
  }
  if (hasCode(error, 'amount_too_small') || hasCode(error, 'amount_too_large')) {
    return invalidField('amount', 'is outside of what Stripe takes in this currency')
  }
  log.warn('Stripe refuses a call', { type, error })
  return new BrokenRule(
    LIVE_ERRORS.PAYMENT_REFUSED,
    'Stripe refuses this payment; the operator finds the reason in the log',
  )
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
