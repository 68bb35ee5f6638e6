import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { startStripeStandIn, type StripeStandIn } from '../tips/testing/stripe-stand-in.ts'

let gateway: TestGateway
let stripe: StripeStandIn
let owner: TestUser
let streamId = ''
beforeAll(async () => {
  stripe = await startStripeStandIn()
  const { secretKey, webhookSecret, url } = stripe
  gateway = await startTestGateway({
    env: { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: url },
  })
  owner = await signUp(gateway.api, 'owner-of-all')
  streamId = (await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)).json.stream_id
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stripe[Symbol.asyncDispose]()
})

it.each([
  ['a broadcast', () => '/streams', () => ({ title: 'Too late' })],
  ['a clip', (id: string) => `/streams/${id}/clips`, () => ({ duration: 5 })],
  ['a tip', () => '/transactions', (id: string) => ({ stream_id: id, amount: 500, currency: 'eur' })],
])('%s is not made by a call during which the user is suspended', async (name, path, body) => {
  const { sql } = gateway.database
  const { user, headers } = await signUp(gateway.api, name.replaceAll(' ', '-'))
  const suspension = await sql.reserve()
  await suspension`begin`
  await suspension`select from users where user_id = ${user.user_id} for update`
  const call = gateway.api('POST', `/api/v1${path(streamId)}`, body(streamId), { ...headers, 'idempotency-key': 'one' })
  const isWaiting = async () => {
    const waiting = await sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%"users"%for update'`
    return waiting.length > 0
  }
  await until(isWaiting, 'the call waits for the row of its user')
  await suspension`delete from sessions where user_id = ${user.user_id}`
  await suspension`commit`
  suspension.release()
  const { status, json } = await call
  expect([status, json.error.code]).toEqual([401, 'UNAUTHORIZED'])
})
