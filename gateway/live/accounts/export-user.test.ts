import { expect, test } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, orderClip, signUp, type TestUser } from '../testing/live-gateway.ts'
import { startStripeStandIn } from '../tips/testing/stripe-stand-in.ts'

test('the export of a user has what the user has made and set, and what others did, and no key', async () => {
  await using stripe = await startStripeStandIn()
  await using gateway = await startTestGateway({ env: { ...stripe.env, INGEST_WORKERS: '1' } })
  const as = async (who: TestUser, method: string, path: string, body?: unknown) => {
    const headers = { ...who.headers, 'idempotency-key': 'one' }
    const answer = await gateway.api(method, `/api/v1${path}`, body, headers)
    expect(answer.status).toBeLessThan(300)
    return answer.json
  }
  const admin = await signUp(gateway.api, 'root-of-all')
  const [olga, mika] = [await signUp(gateway.api, 'olga'), await signUp(gateway.api, 'mika')]
  const [olgaId, mikaId] = [olga.user.user_id, mika.user.user_id]
  const mikaNamed = { user_id: mikaId, username: 'mika' }
  const ingest = await openIngest(gateway)

  await as(olga, 'POST', '/follows', { user_id: mikaId })
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString()
  const planned = await as(mika, 'POST', '/streams', { title: 'Planned', scheduled_for: inAnHour })
  const about = { title: 'Mine', latency: 'normal', record: false, dvr_sec: 600 }
  const own = await as(olga, 'POST', '/streams', about)
  const { session } = await ingest.publish(own.stream_key)
  await (await claimBroadcast(gateway.url, own.stream_id)).encode(session, 6)
  const clipId = await orderClip(gateway, olga, { streamId: own.stream_id, outcome: null })
  const target = { url: 'rtmp://live.example.com/app', key: 'a-secret-key' }
  await as(olga, 'POST', `/streams/${own.stream_id}/targets`, target)
  await as(olga, 'POST', `/streams/${own.stream_id}/messages`, { text: 'Hello' })
  await as(olga, 'PUT', `/streams/${own.stream_id}/moderators/${mikaId}`)
  await as(olga, 'PUT', `/streams/${own.stream_id}/bans/${admin.user.user_id}`, {})
  await as(olga, 'POST', '/blocks', { user_id: mikaId })
  await as(olga, 'POST', '/reports', { kind: 'user', id: mikaId, reason: 'Rude' })
  await as(admin, 'PUT', `/users/${olgaId}/payout-account`, { account_id: 'acct_1' })
  const tip = { stream_id: planned.stream_id, amount: 500, currency: 'eur', message: 'Great' }
  const given = await as(olga, 'POST', '/transactions', tip)
  await until(
    async () => (await as(olga, 'GET', '/notifications')).notifications.length > 0,
    'the notice of the planned broadcast is there',
  )

  const { headers } = olga
  const exported = await gateway.api('GET', '/api/v1/users/me/export', undefined, headers)
  expect(exported.json).toMatchObject({
    user: { email: 'olga@example.org' },
    streams: [{ ...about, stream_id: own.stream_id, scheduled_for: null }],
    clips: [{ clip_id: clipId, stream_id: own.stream_id }],
    targets: [{ stream_id: own.stream_id, url: target.url }],
    following: [mikaNamed],
    notifications: [{ kind: 'scheduled', stream_id: planned.stream_id }],
    messages: [{ stream_id: own.stream_id, text: 'Hello' }],
    blocked_users: [mikaNamed],
    chat_moderators: [mikaNamed],
    chat_bans: [{ username: 'root-of-all', until: null }],
    reports: [{ kind: 'user', id: mikaId, reason: 'Rude' }],
    payout_account: 'acct_1',
    transactions: [{ transaction_id: given.transaction_id, amount: 500, message: 'Great' }],
  })
  for (const secret of [target.key, own.stream_key, 'scrypt', 'sealed']) expect(exported.text).not.toContain(secret)
  const ofMika = await gateway.api('GET', '/api/v1/users/me/export', undefined, mika.headers)
  expect(ofMika.json).toMatchObject({
    streams: [{ scheduled_for: inAnHour, record: true }],
    targets: [],
    blocked_users: [],
    chat_moderators: [],
    chat_bans: [],
    payout_account: null,
  })
})
