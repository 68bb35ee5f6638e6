import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { signEvent, startStripeStandIn, type StripeObject, type StripeStandIn } from './testing/stripe-stand-in.ts'

let gateway: TestGateway
let stripe: StripeStandIn
let [owner, anna]: TestUser[] = []
let streamId: string
beforeAll(async () => {
  stripe = await startStripeStandIn()
  gateway = await startTestGateway({ env: { ...stripe.env, TIP_FEE_PERCENT: '5.5' } })
  owner = await signUp(gateway.api, 'owner-of-all')
  anna = await signUp(gateway.api, 'anna')
  await as(owner, 'PUT', `/users/${owner.user.user_id}/payout-account`, { account_id: 'acct_1' })
  streamId = (await as(owner, 'POST', '/streams', { title: 'A show' })).json.stream_id
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stripe[Symbol.asyncDispose]()
})

const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
  gateway.api(method, `/api/v1${path}`, body, who?.headers)

async function deliverAll(events: readonly StripeObject[]): Promise<void> {
  for (const event of events) {
    const body = JSON.stringify(event)
    const headers = { 'x-api-key': '', 'stripe-signature': signEvent(body) }
    expect((await gateway.api('POST', '/api/v1/stripe/webhook', body, headers)).status).toBe(200)
  }
}

/** Returns what the platform and the receiver have of a tip by the ledger. */
async function readBooks(id: string) {
  const rows = await gateway.database.sql<{ account: string; sum: number }[]>`
    select account, sum(amount)::int as sum from ledger_entries where transaction_id = ${id} group by account`
  const sums = new Map(rows.map(({ account, sum }) => [account, sum]))
  return { platform: sums.get('platform'), connected: sums.get('receiver') }
}

describe.each([
  ['in their order', (events: readonly StripeObject[]) => events],
  ['in the reverse order', (events: readonly StripeObject[]) => events.toReversed()],
])('of a tip to a connected account, with events %s', (_order, inOrder) => {
  it.each<[string, (intent: string, tipId: string) => unknown, { platform: number; connected: number }]>([
    ['its payment', () => {}, { platform: 55, connected: 945 }],
    [
      'a refund by its receiver',
      (_, id) => as(owner, 'POST', `/transactions/${id}/refund`),
      { platform: 0, connected: 0 },
    ],
    ["the operator's refund", (intent) => stripe.refund(intent), { platform: -945, connected: 945 }],
    [
      "the operator's refund with the transfer and the fee",
      (intent) => stripe.refund(intent, { reversesTransfer: true, refundsFee: true }),
      { platform: 0, connected: 0 },
    ],
    ['an open dispute', (intent) => stripe.dispute(intent), { platform: -945, connected: 945 }],
    [
      'a dispute that is won',
      (intent) => stripe.closeDispute(stripe.dispute(intent), 'won'),
      { platform: 55, connected: 945 },
    ],
    [
      'a dispute that is lost',
      (intent) => stripe.closeDispute(stripe.dispute(intent), 'lost'),
      { platform: -945, connected: 945 },
    ],
  ])('the ledger has what the accounts at Stripe have after %s', async (_, work, expected) => {
    const { json } = await gateway.api(
      'POST',
      '/api/v1/transactions',
      { stream_id: streamId, amount: 1000, currency: 'eur' },
      { ...anna?.headers, 'idempotency-key': randomUUID() },
    )
    const { payment_intent: intent, transaction_id: id } = json
    stripe.pay(intent)
    const paid = stripe.events.slice(-1)
    await deliverAll(paid)
    const before = stripe.events.length
    await work(intent, id)
    const events = [...paid, ...stripe.events.slice(before)]
    await deliverAll([...inOrder(events), ...events])
    expect([stripe.balances.get(intent), await readBooks(id)]).toEqual([expected, expected])
  })
})
