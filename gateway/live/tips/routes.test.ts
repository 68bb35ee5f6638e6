import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import type { Json } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { signEvent, startStripeStandIn, type StripeObject, type StripeStandIn } from './testing/stripe-stand-in.ts'

describe.each(RUNTIMES)('tips on %s', (runtime) => {
  let gateway: RuntimeGateway
  let stripe: StripeStandIn
  let [owner, anna, ben]: TestUser[] = []
  beforeAll(async () => {
    stripe = await startStripeStandIn()
    gateway = await startGatewayOn(runtime, {
      ...stripe.env,
      TIP_FEE_PERCENT: '5.5',
      TIP_CURRENCIES: 'EUR,USD,KWD',
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
    gateway.api(method, `/api/v1${path}`, body, who?.headers ?? { 'x-api-key': '' })
  const create = async (more: object = {}): Promise<string> =>
    (await as(owner, 'POST', '/streams', { title: 'A show', ...more })).json.stream_id
  const tip = (streamId: string, more: object = {}, key: string = randomUUID(), who = anna) =>
    gateway.api(
      'POST',
      '/api/v1/transactions',
      { stream_id: streamId, amount: 1000, currency: 'eur', ...more },
      { ...who?.headers, 'idempotency-key': key },
    )
  const send = (body: string, signature: string) =>
    gateway.api('POST', '/api/v1/stripe/webhook', body, { 'x-api-key': '', 'stripe-signature': signature })
  const deliver = (event: StripeObject | undefined) => send(JSON.stringify(event), signEvent(JSON.stringify(event)))
  const statusOf = async (id: string) => (await as(anna, 'GET', `/transactions/${id}`)).json.status
  const linesOf = async (streamId: string): Promise<Json[]> =>
    (await as(anna, 'GET', `/streams/${streamId}/messages`)).json.messages
  const codeOf = ({ status, json }: { status: number; json: Json }) => [status, json?.error?.code]

  /** Runs `work`, and returns the events that Stripe has of it. */
  function eventsOf(work: () => void): StripeObject[] {
    const before = stripe.events.length
    work()
    return stripe.events.slice(before)
  }
  async function deliverAll(events: readonly (StripeObject | undefined)[]): Promise<void> {
    for (const event of events) expect((await deliver(event)).status).toBe(200)
  }
  /** Returns what every account of the ledger has of a tip, and the sum of all entries. */
  async function readBooks(id: string) {
    const rows = await gateway.database.sql<{ account: string; sum: string }[]>`
      select account, sum(amount)::text from ledger_entries where transaction_id = ${id} group by account`
    const all = await gateway.database.sql<{ uneven: string }[]>`select count(*)::text as uneven from (
      select movement_id from ledger_entries group by movement_id, currency having sum(amount) <> 0 or count(*) <> 2) x`
    return {
      ...Object.fromEntries(rows.map(({ account, sum }) => [account, Number(sum)])),
      uneven: Number(all[0]?.uneven),
    }
  }

  it('five deliveries of each event in any order are one success, one line in the chat and even books', async () => {
    const stream = await create()
    const { status, json } = await tip(stream, { message: ' Great show! ' })
    expect(status).toBe(201)
    expect(json).toMatchObject({
      stream_id: stream,
      sender: { username: 'anna' },
      receiver: { username: 'owner-of-all' },
      amount: 1000,
      currency: 'eur',
      message: 'Great show!',
      status: 'pending',
      client_secret: `${json.payment_intent}_secret_standin`,
    })
    const [failed, paid] = eventsOf(() => {
      stripe.failToPay(json.payment_intent)
      stripe.pay(json.payment_intent)
    })
    await deliver(failed)
    expect(await statusOf(json.transaction_id)).toBe('failed')
    expect(await linesOf(stream)).toEqual([])
    // A cancellation that Stripe never states of a paid one, and that changes nothing.
    const canceled = { ...paid, id: 'evt_canceled', type: 'payment_intent.canceled' } as StripeObject
    await deliverAll([paid, canceled, failed, paid, paid, canceled, paid])
    await Promise.all([1, 2, 3, 4, 5].map(() => deliver({ ...paid, id: 'evt_again' })))
    expect(await statusOf(json.transaction_id)).toBe('succeeded')
    const lines = await linesOf(stream)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      type: 'message',
      seq: 1,
      user: { username: 'anna' },
      text: 'Tip 10.00 EUR · Great show!',
      tip: { amount: 1000, currency: 'eur', message: 'Great show!' },
    })
    expect(await readBooks(json.transaction_id)).toEqual({ sender: -1000, receiver: 945, platform: 55, uneven: 0 })
  })

  it('an event that is tampered with, too old or not signed is refused; one of another kind is accepted', async () => {
    const { json } = await tip(await create())
    const [paid] = eventsOf(() => stripe.pay(json.payment_intent))
    const body = JSON.stringify(paid)
    const invalid = [400, 'WEBHOOK_INVALID']
    expect(codeOf(await send(body.replace('1000', '9000'), signEvent(body)))).toEqual(invalid)
    expect(codeOf(await send(body, signEvent(body, { ageSec: 301 })))).toEqual(invalid)
    expect(codeOf(await send(body, signEvent(body, { secret: 'whsec_of_another' })))).toEqual(invalid)
    expect(codeOf(await send(body, ''))).toEqual(invalid)
    expect(codeOf(await send('{}', signEvent('{}')))).toEqual(invalid)
    const unreadable = { ...paid, id: 'evt_unreadable', data: { object: { id: 5 } } } as StripeObject
    expect(codeOf(await deliver(unreadable))).toEqual(invalid)
    expect(await statusOf(json.transaction_id)).toBe('pending')
    expect((await deliver({ ...paid, id: 'evt_other', type: 'customer.created' })).json).toEqual({
      received: true,
    })
    const foreign = { ...paid, id: 'evt_foreign', data: { object: { id: 'pi_of_others' } } } as StripeObject
    expect((await deliver(foreign)).status).toBe(200)
    expect(await statusOf(json.transaction_id)).toBe('pending')
  })

  it('a call whose answer from Stripe was lost goes on with the same key, and makes one payment', async () => {
    const stream = await create()
    const [key, before] = [randomUUID(), stripe.intents.size]
    for (const outcome of ['fail', 'limit', 'drop'] as const) {
      stripe.setOutcome(outcome)
      expect(codeOf(await tip(stream, {}, key))).toEqual([503, 'PAYMENTS_UNAVAILABLE'])
    }
    stripe.setOutcome('answer')
    expect((await as(anna, 'GET', '/transactions')).json.transactions[0]?.stream_id).not.toBe(stream)
    const [first, second, again] = [
      await tip(stream, {}, key),
      ...(await Promise.all([tip(stream, {}, key), tip(stream, {}, key)])),
    ]
    expect(first.status).toBe(201)
    expect([second?.json, again?.json]).toEqual([first.json, first.json])
    expect(stripe.intents.size).toBe(before + 1)
    expect(codeOf(await tip(stream, { amount: 2000 }, key))).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    expect((await tip(stream, {}, key, ben)).json.transaction_id).not.toBe(first.json.transaction_id)
  })

  it('calls at one moment with the same key get the same payment, however long Stripe is at the first one', async () => {
    const [stream, key, before] = [await create(), randomUUID(), stripe.intents.size]
    // The library of Stripe repeats a call once by itself.
    stripe.holdUntilConflicts(3)
    const [one, other] = await Promise.all([tip(stream, {}, key), tip(stream, {}, key)])
    expect([one?.status, other?.status, other?.json]).toEqual([201, 201, one?.json])
    expect(stripe.intents.size).toBe(before + 1)
  })

  it('an event finds the tip whose answer from Stripe was lost', async () => {
    const stream = await create()
    stripe.setOutcome('drop')
    await tip(stream)
    stripe.setOutcome('answer')
    const intent = [...stripe.intents.keys()].at(-1) ?? ''
    await deliverAll(eventsOf(() => stripe.pay(intent)))
    expect(await linesOf(stream)).toHaveLength(1)
    expect((await as(anna, 'GET', '/transactions?limit=1')).json.transactions[0]).toMatchObject({ status: 'succeeded' })
  })

  // The rest has nothing that depends on the runtime.
  if (runtime !== 'node') return

  it.each(['won', 'lost'] as const)('a dispute that is %s moves the money once, in any order', async (end) => {
    const stream = await create()
    const { json } = await tip(stream)
    const events = eventsOf(() => {
      stripe.pay(json.payment_intent)
      stripe.closeDispute(stripe.dispute(json.payment_intent), end)
    })
    await deliver(events[1])
    expect(await statusOf(json.transaction_id)).toBe('disputed')
    await deliverAll([...events.toReversed(), ...events])
    expect(await statusOf(json.transaction_id)).toBe(end === 'won' ? 'succeeded' : 'charged_back')
    const books = end === 'won' ? { sender: -1000, receiver: 945 } : { sender: 0, receiver: -55 }
    expect(await readBooks(json.transaction_id)).toEqual({ ...books, platform: 55, disputes: 0, uneven: 0 })
    expect(await linesOf(stream)).toHaveLength(1)
  })

  it('a wrong tip is refused, and the wrong field is named', async () => {
    const stream = await create()
    const hidden = await create({ visibility: 'private' })
    for (const [field, body] of [
      ['amount', { amount: 99 }],
      ['amount', { amount: 1_000_001 }],
      ['amount', { amount: 100.5 }],
      ['amount', { amount: '500' }],
      ['currency', { currency: 'xyz' }],
      ['message', { message: 'x'.repeat(501) }],
      ['message', { message: 'a\nb' }],
      ['card', { card: '4242424242424242' }],
    ] as const) {
      const answer = await tip(stream, body)
      expect([answer.status, answer.json.error.code]).toEqual([400, 'INVALID_CONFIG'])
      expect(answer.json.error.details[0].field).toBe(field)
    }
    const offStep = await tip(stream, { amount: 1001, currency: 'KWD' })
    expect([offStep.status, offStep.json.error.details]).toEqual([
      400,
      [{ field: 'amount', message: expect.stringContaining('a multiple of 10 in KWD') }],
    ])
    expect((await tip(stream, { amount: 1010, currency: 'KWD' })).status).toBe(201)
    expect(codeOf(await tip(hidden))).toEqual([404, 'STREAM_NOT_FOUND'])
    expect(codeOf(await tip('x'))).toEqual([404, 'STREAM_NOT_FOUND'])
    expect((await tip(stream, {}, randomUUID(), owner)).json.error.details[0].field).toBe('stream_id')
    const body = { stream_id: stream, amount: 500, currency: 'EUR' }
    expect((await as(anna, 'POST', '/transactions', body)).json.error.details[0].field).toBe('Idempotency-Key')
    expect((await as(undefined, 'POST', '/transactions', body)).status).toBe(401)
    expect(codeOf(await as(anna, 'GET', '/transactions/x'))).toEqual([404, 'TRANSACTION_NOT_FOUND'])
  })

  it('the rules of the chat bind the text of a tip, also where they come after it', async () => {
    const stream = await create()
    const { json } = await tip(stream, { message: 'a darn good show' })
    await as(owner, 'PATCH', `/streams/${stream}/room`, { blocked_words: ['darn'] })
    expect(codeOf(await tip(stream, { message: 'darn' }))).toEqual([403, 'WORD_BLOCKED'])
    await as(owner, 'PATCH', `/streams/${stream}/room`, { followers_only: true })
    expect(codeOf(await tip(stream, { message: 'fine' }))).toEqual([403, 'FOLLOWERS_ONLY'])
    expect((await tip(stream, { message: '' })).status).toBe(201)
    await as(anna, 'POST', '/follows', { user_id: owner?.user.user_id })
    expect((await tip(stream, { message: 'fine' })).status).toBe(201)
    // The next chat of the channel takes it over.
    await as(owner, 'PATCH', `/streams/${stream}/room`, { followers_only: false })
    await deliverAll(eventsOf(() => stripe.pay(json.payment_intent)))
    const lines = await linesOf(stream)
    expect(lines.map(({ text }) => text)).toEqual(['Tip 10.00 EUR'])
    expect((await as(owner, 'DELETE', `/streams/${stream}/messages/${lines[0].id}`)).status).toBe(204)
    expect(await linesOf(stream)).toEqual([])
  })

  it('a receiver with a connected account gets the amount there, without the fee', async () => {
    const path = `/users/${owner?.user.user_id}/payout-account`
    expect((await as(anna, 'PUT', path, { account_id: 'acct_1' })).status).toBe(403)
    expect((await as(owner, 'PUT', path, { account_id: 'x' })).status).toBe(400)
    expect((await as(owner, 'PUT', path, { account_id: 'acct_1' })).json.account_id).toBe('acct_1')
    const { json } = await tip(await create())
    expect(stripe.intents.get(json.payment_intent)).toMatchObject({
      transfer_data: { destination: 'acct_1' },
      application_fee_amount: 55,
    })
    await as(owner, 'PUT', path, { account_id: null })
  })

  it('sender and receiver find their tips by pages; they stay when the sender leaves, without what is personal', async () => {
    const leaver = await signUp(gateway.api, 'leaver')
    const stream = await create()
    const ids: string[] = []
    for (const message of ['one', 'two', 'three'])
      ids.unshift((await tip(stream, { message }, message, leaver)).json.transaction_id)
    const read = async (query = '') => (await as(leaver, 'GET', `/transactions?limit=2${query}`)).json
    const first = await read()
    const second = await read(`&cursor=${first.next_cursor}`)
    expect([...first.transactions, ...second.transactions].map((one: Json) => one.transaction_id)).toEqual(ids)
    expect(second.next_cursor).toBeNull()
    const { json } = await as(leaver, 'GET', '/users/me/export')
    expect(json.transactions.map(({ message }: Json) => message)).toEqual(['three', 'two', 'one'])
    await as(leaver, 'DELETE', '/users/me', { password: 'correct horse battery' })
    expect((await as(owner, 'GET', `/transactions/${ids[0]}`)).json).toMatchObject({
      sender: null,
      message: '',
      amount: 1000,
    })
  })

  it('the database takes no half of a movement', async () => {
    const { json } = await tip(await create())
    const { sql } = gateway.database
    await expect(sql`insert into ledger_entries (movement_id, side, transaction_id, kind, account, amount, currency)
      values (${json.transaction_id}, 1, ${json.transaction_id}, 'payment', 'receiver', 5, 'eur')`).rejects.toThrow(
      'ledger_entries_counterpart',
    )
  })

  it('without the key of Stripe there are no tips', async () => {
    await using other = await startGatewayOn(runtime)
    const user = await signUp(other.api, 'another-one')
    const disabled = [503, 'TIPS_DISABLED']
    expect(codeOf(await other.api('POST', '/api/v1/transactions', {}, user.headers))).toEqual(disabled)
    expect(codeOf(await other.api('POST', '/api/v1/stripe/webhook', {}))).toEqual(disabled)
  })
})
