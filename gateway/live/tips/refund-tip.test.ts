import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { signEvent, startStripeStandIn, type StripeObject, type StripeStandIn } from './testing/stripe-stand-in.ts'

let gateway: TestGateway
let stripe: StripeStandIn
let [owner, anna, ben]: TestUser[] = []
beforeAll(async () => {
  stripe = await startStripeStandIn()
  gateway = await startTestGateway({
    env: {
      ...stripe.env,
      TIP_FEE_PERCENT: '5.5',
    },
  })
  owner = await signUp(gateway.api, 'owner-of-all')
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stripe[Symbol.asyncDispose]()
})

const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
  gateway.api(method, `/api/v1${path}`, body, who?.headers)
const create = async (): Promise<string> => (await as(owner, 'POST', '/streams', { title: 'A show' })).json.stream_id
const tip = (streamId: string) =>
  gateway.api(
    'POST',
    '/api/v1/transactions',
    { stream_id: streamId, amount: 1000, currency: 'eur' },
    { ...anna?.headers, 'idempotency-key': randomUUID() },
  )
const statusOf = async (id: string) => (await as(anna, 'GET', `/transactions/${id}`)).json.status

async function deliverAll(events: readonly (StripeObject | undefined)[]): Promise<void> {
  for (const event of events) {
    const body = JSON.stringify(event)
    const headers = { 'x-api-key': '', 'stripe-signature': signEvent(body) }
    expect((await gateway.api('POST', '/api/v1/stripe/webhook', body, headers)).status).toBe(200)
  }
}

/** Runs `work`, and returns the events that Stripe has of it. */
async function eventsOf(work: () => unknown): Promise<StripeObject[]> {
  const before = stripe.events.length
  await work()
  return stripe.events.slice(before)
}

/** Returns what every account of the ledger has of a tip, and how many movements are not even. */
async function readBooks(id: string) {
  const { sql } = gateway.database
  const rows = await sql<{ account: string; sum: number }[]>`
    select account, sum(amount)::int as sum from ledger_entries where transaction_id = ${id} group by account`
  const uneven = await sql`
    select from ledger_entries group by movement_id, currency having sum(amount) <> 0 or count(*) <> 2`
  return { ...Object.fromEntries(rows.map(({ account, sum }) => [account, sum])), uneven: uneven.length }
}

it('the receiver refunds a tip once; it is refunded when Stripe says so, also before it says that it succeeded', async () => {
  const stream = await create()
  const { json } = await tip(stream)
  const refund = (who: TestUser | undefined) => as(who, 'POST', `/transactions/${json.transaction_id}/refund`)
  const early = await refund(owner)
  expect([early.status, early.json.error.code]).toEqual([409, 'TIP_NOT_REFUNDABLE'])
  const [paid] = await eventsOf(() => stripe.pay(json.payment_intent))
  await deliverAll([paid])
  expect([(await refund(anna)).status, (await refund(ben)).status]).toEqual([403, 404])
  const before = stripe.events.length
  const [first, second] = [await refund(owner), await refund(owner)]
  expect([first.status, first.json.status, second.status]).toEqual([202, 'succeeded', 202])
  const refunds = stripe.events.slice(before)
  expect(refunds.map(({ type }) => type)).toEqual(['charge.refunded', 'refund.created'])
  await deliverAll([...refunds, ...refunds, paid])
  expect(await statusOf(json.transaction_id)).toBe('refunded')
  expect((await refund(owner)).json).toMatchObject({ status: 'refunded', amount_refunded: 1000, fee: 55 })
  expect(await readBooks(json.transaction_id)).toEqual({ sender: 0, receiver: 0, platform: 0, uneven: 0 })
  expect((await as(anna, 'GET', `/streams/${stream}/messages`)).json.messages).toHaveLength(1)
  const other = await tip(stream)
  const [late] = await eventsOf(() => stripe.pay(other.json.payment_intent))
  const charge = { payment_intent: other.json.payment_intent, amount_refunded: 1000, refunded: true }
  for (const event of [{ id: 'evt_early', type: 'charge.refunded', data: { object: charge } }, late]) {
    await deliverAll([event])
    expect(await statusOf(other.json.transaction_id)).toBe('refunded')
  }
  expect(await readBooks(other.json.transaction_id)).toEqual({ sender: 0, receiver: 0, platform: 0, uneven: 0 })
})

it.each([
  ['refuse', 502, 'PAYMENT_REFUSED'],
  ['fail', 503, 'PAYMENTS_UNAVAILABLE'],
] as const)('a refund that Stripe answers by %s is tried again under another key', async (outcome, status, code) => {
  const { json } = await tip(await create())
  const id = json.transaction_id
  const refund = () => as(owner, 'POST', `/transactions/${id}/refund`)
  await deliverAll(await eventsOf(() => stripe.pay(json.payment_intent)))
  stripe.setOutcome(outcome)
  const refused = await refund()
  expect([refused.status, refused.json.error.code]).toEqual([status, code])
  stripe.setOutcome('drop')
  expect((await refund()).status).toBe(503)
  stripe.setOutcome('answer')
  expect((await refund()).status).toBe(202)
  const refunds = stripe.events.filter(
    ({ type, data }: Json) => type === 'refund.created' && data.object.payment_intent === json.payment_intent,
  )
  expect(refunds).toHaveLength(1)
})

it('a tip whose refund has failed is refunded no more, in any order of events, until it is refunded again', async () => {
  const { json } = await tip(await create())
  const id = json.transaction_id
  const refund = () => as(owner, 'POST', `/transactions/${id}/refund`)
  const [paid] = await eventsOf(() => stripe.pay(json.payment_intent))
  await deliverAll([paid])
  const made = await eventsOf(refund)
  const refundId = (made.at(-1) as Json).data.object.id
  const failed = await eventsOf(() => stripe.failRefund(refundId))
  expect(failed.map(({ type }) => type)).toEqual(['refund.failed', 'charge.refund.updated'])
  await deliverAll(made.slice(0, 1))
  expect(await statusOf(id)).toBe('refunded')
  const books = { sender: -1000, receiver: 945, platform: 55, uneven: 0 }
  for (const event of [failed[0], made[1], failed[1], ...made, paid, ...failed]) {
    await deliverAll([event])
    expect([await statusOf(id), await readBooks(id)]).toEqual(['succeeded', books])
  }
  expect((await as(owner, 'GET', `/transactions/${id}`)).json.amount_refunded).toBe(0)
  const again = await eventsOf(refund)
  expect(again.map(({ type }) => type)).toEqual(['charge.refunded', 'refund.created'])
  await deliverAll([...again, ...made, ...failed])
  const { status, amount_refunded } = (await as(owner, 'GET', `/transactions/${id}`)).json
  expect([status, amount_refunded]).toEqual(['refunded', 1000])
  expect(await readBooks(id)).toEqual({ sender: 0, receiver: 0, platform: 0, uneven: 0 })
})
