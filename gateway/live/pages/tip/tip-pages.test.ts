import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../../shared/testing/until.ts'
import { openEventSource } from '../../../testing/event-source.ts'
import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'
import { signEvent, startStripeStandIn, type StripeStandIn } from '../../tips/testing/stripe-stand-in.ts'

let gateway: TestGateway
let stripe: StripeStandIn
let [owner, anna]: TestUser[] = []
let streamId = ''
beforeAll(async () => {
  stripe = await startStripeStandIn()
  gateway = await startTestGateway({
    env: {
      ...stripe.env,
      STRIPE_PUBLISHABLE_KEY: 'pk_test_standin',
      TIP_CURRENCIES: 'EUR,JPY,KWD',
    },
  })
  owner = await signUp(gateway.api, 'owner-of-all')
  anna = await signUp(gateway.api, 'anna')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  streamId = json.stream_id
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stripe[Symbol.asyncDispose]()
})

const call = async (path: string, who: TestUser | undefined, form?: Record<string, string>) => {
  const token = who?.headers['authorization']?.replace('Bearer ', '')
  const headers: Record<string, string> = who === undefined ? {} : { cookie: `tallylight_session=${token}` }
  const init: RequestInit =
    form === undefined
      ? { headers }
      : { method: 'POST', body: new URLSearchParams(form), headers: { ...headers, origin: gateway.url } }
  const answer = await fetch(gateway.url + path, { ...init, redirect: 'manual' })
  const { status, headers: answered } = answer
  return {
    status,
    location: answered.get('location'),
    policy: answered.get('content-security-policy'),
    text: await answer.text(),
  }
}

/** Delivers the newest event of the stand-in, as Stripe does. */
async function deliverNewest(): Promise<void> {
  const body = JSON.stringify(stripe.events.at(-1))
  const headers = { 'x-api-key': '', 'stripe-signature': signEvent(body) }
  expect((await gateway.api('POST', '/api/v1/stripe/webhook', body, headers)).status).toBe(200)
}

it('a form opens one tip, whose payment page has the secret and the policy of Stripe only there', async () => {
  const page = `/tip/${streamId}`
  expect((await call(`/watch/${streamId}`, anna)).text).toContain(`href="..${page}"`)
  expect((await call(`/watch/${streamId}`, owner)).text).not.toContain('/tip/')
  expect((await call(page, undefined)).location).toBe(`../sign-in?next=${encodeURIComponent(page.slice(1))}`)
  const form = await call(page, anna)
  expect(form.policy).not.toContain('stripe')
  expect(form.text).toMatch(/Tip owner-of-all[\s\S]*EUR[\s\S]*JPY/)
  const [, key = ''] = /name="key" value="([^"]+)"/.exec(form.text) ?? []

  for (const [amount, message] of [
    ['', ''],
    ['0.50', ''],
    ['5.001', ''],
    ['-5', ''],
    ['1e3', ''],
    ['10000.01', ''],
    ['5', 'x'.repeat(501)],
  ] as const) {
    const refused = await call(page, anna, { key, amount, currency: 'eur', message })
    expect([amount, refused.status]).toEqual([amount, 400])
    expect(refused.text).toMatch(/class="problem"/)
  }
  const offStep = await call(page, anna, { key, amount: '1.001', currency: 'kwd' })
  expect([offStep.status, offStep.text]).toEqual([400, expect.stringMatching(/in steps of KWD\s0\.010/)])
  expect((await call(page, owner, { key, amount: '5', currency: 'eur' })).text).toContain('your own broadcast')

  const send = (amount: string) => call(page, anna, { key, amount, currency: 'eur', message: 'Hello <b>' })
  const [first, again, other] = [await send('5,50'), await send('5.50'), await send('7')]
  expect(first.status).toBe(303)
  expect(again.location).toBe(first.location)
  expect(other.location).not.toBe(first.location)
  expect([...stripe.intents.values()].map(({ amount }) => amount)).toEqual([550, 700])

  const payment = await call(`/tip/${first.location}`, anna)
  expect(payment.text).toMatch(/€5\.50 for owner-of-all[\s\S]*data-key="pk_test_standin" data-secret="pi_\d+_secret/)
  expect(payment.policy).toContain("script-src 'self' https://js.stripe.com")
  expect(payment.policy).not.toContain('unsafe')
  expect((await call(`/tip/${first.location}`, undefined)).status).toBe(303)
})

it('a paid tip is thanked for once Stripe has said so, is listed for both, and its receiver refunds it', async () => {
  const sent = { key: 'b', amount: '900', currency: 'jpy', message: 'Great' }
  const { location } = await call(`/tip/${streamId}`, anna, sent)
  const page = `/tip/${location}`
  const intent = [...stripe.intents.keys()].at(-1) ?? ''
  stripe.failToPay(intent)
  await deliverNewest()
  expect((await call(page, anna)).text).toContain('The payment was not made')
  expect((await call('/tips', anna)).text).toMatch(/¥900[\s\S]*Not paid[\s\S]*Complete/)
  using watching = await openEventSource(`${gateway.url}/api/v1/streams/${streamId}/events?monitor=`)
  await until(() => watching.events.length > 0, 'the events of the broadcast are there')
  stripe.pay(intent)
  const processing = (await call(`${page}?redirect_status=succeeded`, anna)).text
  expect(processing).toMatch(/content="2; url=\?redirect_status=succeeded&amp;reloads=1"[\s\S]*being processed/)
  const late = (await call(`${page}?redirect_status=succeeded&reloads=30`, anna)).text
  expect(late).toMatch(/has not confirmed[\s\S]*href="\?redirect_status=succeeded"/)
  expect(late).not.toContain('http-equiv="refresh"')
  const again = '?part=state&redirect_status=succeeded&reloads=30'
  expect(late).toContain(`data-refresh="${again.replaceAll('&', '&amp;')}" data-every="2"`)
  expect((await call(`${page}${again}`, anna)).text).toMatch(/^(?!.*<html).*has not confirmed/s)
  await deliverNewest()
  expect((await call(`${page}${again}`, anna)).text).toMatch(/^(?!.*<html).*Thank you!/s)
  expect((await call(`${page}?redirect_status=succeeded`, anna)).text).toMatch(/Thank you![\s\S]*¥900/)
  await until(() => watching.events.some(({ event }) => event === 'tips'), 'viewers see the tip')
  for (const name of ['chat', 'tips']) {
    expect(watching.events.find(({ event }) => event === name)?.data).toMatchObject({
      user: { username: 'anna' },
      tip: { amount: 900, currency: 'jpy', message: 'Great' },
    })
  }
  expect((await call('/tips?lang=ja', owner)).text).toMatch(/￥900[\s\S]*annaさんから[\s\S]*支払い済み/)
  expect((await call('/tips', anna)).text).not.toContain('Refund')
  expect((await call('/tips', owner)).text).toContain('data-refresh="?part=list" data-every="2"')

  const [, id = ''] = /name="id" value="([^"]+)"/.exec((await call('/tips', owner)).text) ?? []
  expect((await call('/tips', anna, { id })).status).toBe(403)
  stripe.setOutcome('refuse')
  expect((await call('/tips', owner, { id })).text).toContain('Stripe does not make this refund at the moment')
  stripe.setOutcome('answer')
  expect((await call('/tips', owner, { id })).location).toBe('tips?refunded')
  await deliverNewest()
  expect((await call('/tips', owner)).text).toMatch(/¥900[\s\S]*Refunded/)
  expect((await call('/tips?part=list', owner)).text).toMatch(/^(?!.*<html).*¥900.*Refunded/s)
  const refunded = (await call(page, anna)).text
  expect(refunded).toContain('This tip was refunded')
  expect(refunded).not.toContain('Thank you!')
})

it('a disputed tip is not thanked for, and the page says what has become of it', async () => {
  const { location } = await call(`/tip/${streamId}`, anna, { key: 'c', amount: '5', currency: 'eur', message: '' })
  const intent = [...stripe.intents.keys()].at(-1) ?? ''
  stripe.pay(intent)
  await deliverNewest()
  const dispute = stripe.dispute(intent)
  await deliverNewest()
  const read = async () => (await call(`/tip/${location}`, anna)).text
  expect(await read()).toContain('This payment is disputed')
  stripe.closeDispute(dispute, 'lost')
  await deliverNewest()
  const lost = await read()
  expect(lost).toContain('This payment was charged back')
  expect(lost).not.toContain('Thank you!')
})

it('the amount that the form proposes is taken, also in a currency without decimals', async () => {
  const env = { ...stripe.env, STRIPE_PUBLISHABLE_KEY: 'pk_test_standin', TIP_CURRENCIES: 'JPY,EUR' }
  await using yen = await startTestGateway({ env })
  const [caster, ben] = [await signUp(yen.api, 'caster'), await signUp(yen.api, 'ben')]
  const { json } = await yen.api('POST', '/api/v1/streams', { title: 'A show' }, caster.headers)
  const address = `${yen.url}/tip/${json.stream_id}`
  const headers = { cookie: cookieOf(ben), origin: yen.url }
  const form = await (await fetch(address, { headers })).text()
  const [, amount = ''] = /name="amount"[^>]* value="([^"]+)"/.exec(form) ?? []
  expect(amount).toBe('500')
  const body = new URLSearchParams({ key: 'a', amount, currency: 'jpy', message: '' })
  expect((await fetch(address, { method: 'POST', body, headers, redirect: 'manual' })).status).toBe(303)
})

it('without a publishable key, pages have no tips', async () => {
  await using plain = await startTestGateway()
  const ben = await signUp(plain.api, 'ben')
  const cookie = cookieOf(ben)
  const answer = await fetch(`${plain.url}/tip/${streamId}`, { headers: { cookie } })
  expect(answer.status).toBe(404)
})
