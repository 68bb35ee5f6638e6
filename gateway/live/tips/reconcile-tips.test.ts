import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { createPayments } from './payments.ts'
import { compareWithStripe } from './reconcile-tips.ts'
import { signEvent, startStripeStandIn, type StripeStandIn } from './testing/stripe-stand-in.ts'

let gateway: TestGateway
let stripe: StripeStandIn
let [anna, owner]: TestUser[] = []
let streamId: string
beforeAll(async () => {
  stripe = await startStripeStandIn()
  const { secretKey, webhookSecret, url } = stripe
  const env = { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: url }
  gateway = await startTestGateway({ env })
  owner = await signUp(gateway.api, 'owner-of-all')
  anna = await signUp(gateway.api, 'anna')
  streamId = (await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)).json.stream_id
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stripe[Symbol.asyncDispose]()
})

async function tip(): Promise<Json> {
  const headers = { ...anna?.headers, 'idempotency-key': randomUUID() }
  const body = { stream_id: streamId, amount: 1000, currency: 'eur' }
  return (await gateway.api('POST', '/api/v1/transactions', body, headers)).json
}
const statusOf = async ({ transaction_id: id }: Json) =>
  (await gateway.api('GET', `/api/v1/transactions/${id}`, undefined, anna?.headers)).json.status

/** Compares all that is there; returns what differs, by its kind and its payment. */
async function compare() {
  const { secretKey, webhookSecret, url: apiUrl } = stripe
  const payments = createPayments(
    { secretKey, webhookSecret, publishableKey: null, apiUrl },
    createLog('test', 'error', () => {}),
  )
  const nowSec = Math.floor(Date.now() / 1000)
  const window = { fromSec: nowSec - 86_400, toSec: nowSec + 60 }
  const { context } = gateway.gateway
  const { checked, differences } = await compareWithStripe({ context, payments }, window)
  return { checked, found: differences.map(({ kind, paymentIntent }) => [kind, paymentIntent]) }
}

it('the nightly comparison finds what differs from Stripe, and applies the events that did not arrive', async () => {
  const [known, unpaid, paid, refunded, kept, disputed, changed, gone]: Json[] = []
  const tips = { known, unpaid, paid, refunded, kept, disputed, changed, gone }
  for (const name of Object.keys(tips) as (keyof typeof tips)[]) {
    tips[name] = await tip()
    if (name !== 'unpaid') stripe.pay(tips[name].payment_intent)
  }
  stripe.refund(tips.refunded.payment_intent)
  stripe.failRefund(stripe.refund(tips.kept.payment_intent))
  const eventOf = (type: string, { payment_intent: id }: Json) =>
    stripe.events.find(
      ({ data, ...event }: Json) => event.type === type && [data.object.id, data.object.payment_intent].includes(id),
    )
  for (const [type, one] of [
    ['payment_intent.succeeded', tips.known],
    ['payment_intent.succeeded', tips.gone],
    ['payment_intent.succeeded', tips.kept],
    ['charge.refunded', tips.kept],
  ] as const) {
    const event = eventOf(type, one)
    const body = JSON.stringify(event)
    await gateway.api('POST', '/api/v1/stripe/webhook', body, { 'stripe-signature': signEvent(body) })
  }
  stripe.dispute(tips.disputed.payment_intent)
  stripe.forget(tips.gone.payment_intent)
  const { sql } = gateway.database
  await sql`update transactions set amount = 900 where transaction_id = ${tips.changed.transaction_id}`
  const { checked, found } = await compare()
  expect(checked).toBe(7)
  const byKind = (kind: string) => found.flatMap(([one, intent]) => (one === kind ? [intent] : []))
  const missing = [tips.paid, tips.refunded, tips.kept, tips.disputed].map((one) => one.payment_intent)
  expect(new Set(byKind('event_missing'))).toEqual(new Set(missing))
  expect(byKind('amount')).toEqual([tips.changed.payment_intent])
  expect(byKind('not_at_stripe')).toEqual([tips.gone.payment_intent])
  const after = await Promise.all(
    [tips.known, tips.unpaid, tips.paid, tips.refunded, tips.kept, tips.disputed].map(statusOf),
  )
  expect(after).toEqual(['succeeded', 'pending', 'succeeded', 'refunded', 'succeeded', 'disputed'])
  const lines = await gateway.api('GET', `/api/v1/streams/${streamId}/messages`, undefined, owner?.headers)
  expect(lines.json.messages).toHaveLength(6)
  await sql`delete from transactions where transaction_id = ${tips.unpaid.transaction_id}`
  expect(new Set((await compare()).found.map(([kind]) => kind))).toEqual(
    new Set(['amount', 'not_at_stripe', 'not_here']),
  )
  const [books] = await sql<{ sum: string }[]>`select sum(amount)::text from ledger_entries`
  expect(books?.sum).toBe('0')
})
