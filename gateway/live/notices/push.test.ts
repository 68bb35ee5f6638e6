import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'

import { trustCertificate } from '../../../shared/testing/trust.ts'
import { until } from '../../../shared/testing/until.ts'
import {
  startPushService,
  type BrowserSubscription,
  type PushService,
  type ReceivedPush,
} from '../../testing/push-service.ts'
import { RUNTIMES, startGatewayOn } from '../../testing/runtimes.ts'
import { startTestGateway, type ApiResponse, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { seedFollowers } from '../testing/seed-followers.ts'

const ENV = { VAPID_SUBJECT: 'mailto:admin@live.example' }
/** A point of P-256 that is none: the numbers are those of no point of the curve. */
const NO_POINT = `B${'A'.repeat(85)}Q`

describe('pushes of two gateways', () => {
  let service: PushService
  let silent: PushService
  let first: TestGateway
  let second: TestGateway
  let [owner, anna]: TestUser[] = []
  let serverKey: string
  beforeAll(async () => {
    ;[service, silent] = await Promise.all([startPushService(), startPushService()])
    trustCertificate({ cert: service.certificate.cert + silent.certificate.cert })
    first = await startTestGateway({ env: ENV })
    second = await startTestGateway({ database: first.database, env: ENV })
    owner = await signUp(first.api, 'owner-of-all')
    anna = await signUp(first.api, 'anna')
    await as(anna, 'POST', '/follows', { user_id: owner?.user.user_id })
    serverKey = (await as(anna, 'GET', '/notifications/push')).json.public_key
  })
  afterAll(async () => {
    await second[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
    await service[Symbol.asyncDispose]()
    await silent[Symbol.asyncDispose]()
    vi.restoreAllMocks()
  })
  beforeEach(async () => {
    service.behave('take')
    await first.database.sql`delete from streams`
    await first.database.sql`delete from push_subscriptions`
    await first.database.sql`delete from notice_preferences`
  })

  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown): Promise<ApiResponse> =>
    first.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const plan = async (title: string): Promise<Json> =>
    (await as(owner, 'POST', '/streams', { title, scheduled_for: new Date(Date.now() + 3_600_000).toISOString() })).json
  const add = (browser: BrowserSubscription, who = anna) => as(who, 'POST', '/notifications/push', browser)
  const pushesTo = ({ endpoint }: BrowserSubscription) => service.pushes.filter((push) => push.endpoint === endpoint)
  const countBrowsers = async () => (await first.database.sql`select from push_subscriptions`).length
  /** Resolves once all that was announced is written, enqueued, and sent or given up. */
  const allSent = () =>
    until(async () => {
      const [row] = await first.database.sql`
        select exists (select from announcements where done_at is null) or exists (select from pushes)
          or exists (select from notice_deliveries where done_at is null) as busy`
      return row?.['busy'] === false
    }, 'all is sent')

  it('come once to each browser of a user, signed and encrypted, in its language', async () => {
    const [own, other] = [service.subscribe(serverKey), service.subscribe(serverKey)]
    const added = await add(own)
    expect([added.status, added.json]).toEqual([
      201,
      { subscription_id: expect.any(String), created_at: expect.any(String) },
    ])
    const again = await add(own)
    expect([again.status, again.json]).toEqual([200, added.json])
    const japanese = { ...anna?.headers, 'accept-language': 'ja' }
    expect((await first.api('POST', '/api/v1/notifications/push', other, japanese)).status).toBe(201)
    const title = 'あ'.repeat(255)
    const { stream_id: id } = await plan(title)
    await until(() => pushesTo(own).length > 0 && pushesTo(other).length > 0, 'both have it')
    await allSent()
    expect(pushesTo(other)[0]?.content['title']).toBe('owner-of-allさんが配信を予定しています')
    expect(pushesTo(own)).toEqual([
      {
        endpoint: own.endpoint,
        content: {
          title: 'owner-of-all plans a broadcast',
          body: title,
          tag: id,
          language: 'en',
          path: `watch/${id}`,
        },
        ttl: expect.any(Number),
        urgency: 'normal',
        subject: 'mailto:admin@live.example',
      },
    ])
    expect(pushesTo(own)[0]?.ttl).toBeGreaterThan(43_000)
    expect([service.attempts(), service.problems, first.errors]).toEqual([2, [], []])
  })

  it('are tried again after an error, and not once the notice is read, outdated or not wanted', async () => {
    const browser = service.subscribe(serverKey)
    await add(browser)
    service.behave(503)
    const before = service.attempts()
    await plan('Late')
    await until(() => service.attempts() > before, 'an attempt failed')
    service.behave('take')
    await until(() => pushesTo(browser).length === 1, 'the next attempt is taken')
    await allSent()
    expect(pushesTo(browser)[0]?.content['body']).toBe('Late')

    service.behave(429)
    const outdated = await plan('Outdated')
    const read = await plan('Read')
    await until(async () => {
      const rows = await first.database.sql`select from pushes where attempts > 0 and taken_by is null`
      return rows.length === 2
    }, 'both attempts failed')
    const { notifications } = (await as(anna, 'GET', '/notifications')).json
    const id = notifications.find(({ stream }: Json) => stream.stream_id === read.stream_id).notification_id
    await as(anna, 'PUT', `/notifications/${id}/read`)
    await first.database.sql`
      update notifications set created_at = now() - interval '13 hours' where stream_id = ${outdated.stream_id}`
    service.behave('take')
    await allSent()
    await as(anna, 'PUT', '/notifications/preferences', { push: { scheduled: false } })
    await plan('Unwanted')
    await allSent()
    expect(pushesTo(browser)).toHaveLength(1)
  })

  it.each([404, 410])('to a browser that takes none any more (%i) end', async (status) => {
    await add(service.subscribe(serverKey))
    service.behave(status)
    await plan('To no one')
    await until(async () => (await countBrowsers()) === 0, 'the browser is deleted')
    await allSent()
  })

  it('that are refused are given up, and go to no browser of another key', async () => {
    const browser = service.subscribe(serverKey)
    await add(browser)
    service.behave(413)
    const before = service.attempts()
    await plan('Refused')
    await until(() => service.attempts() > before, 'it arrived')
    await allSent()
    expect([service.attempts() - before, await countBrowsers()]).toEqual([1, 1])
    await first.database.sql`update push_subscriptions set server_key = 'another'`
    await plan('Of another key')
    await until(async () => (await countBrowsers()) === 0, 'the browser is deleted')
    expect(service.attempts() - before).toBe(1)
  })

  it('end with the session that turned them on, with all sessions, and with the account; they are in the export', async () => {
    const leaving = await signUp(first.api, 'leaving')
    const { json } = await first.api('POST', '/api/v1/auth/login', {
      login: 'leaving',
      password: 'correct horse battery',
    })
    const otherSession: TestUser = { user: json.user, headers: { authorization: `Bearer ${json.token}` } }
    const browsers = [service.subscribe(serverKey), service.subscribe(serverKey)]
    await add(browsers[0] as BrowserSubscription, leaving)
    await add(browsers[1] as BrowserSubscription, otherSession)
    const exported = (await as(leaving, 'GET', '/users/me/export')).json
    expect(exported.push_subscriptions.map(({ endpoint }: Json) => endpoint).toSorted()).toEqual(
      browsers.map(({ endpoint }) => endpoint).toSorted(),
    )
    expect(exported.notification_preferences.push.live).toBe(true)
    await as(otherSession, 'POST', '/auth/logout')
    expect(await countBrowsers()).toBe(1)
    await as(leaving, 'POST', '/auth/logout-all')
    expect(await countBrowsers()).toBe(0)
    const gone = await signUp(first.api, 'gone')
    await add(service.subscribe(serverKey), gone)
    await as(gone, 'DELETE', '/users/me', { password: 'correct horse battery' })
    expect(await countBrowsers()).toBe(0)
  })

  it('go to ten browsers at most, are turned off by their user only, and belong to who signed in last', async () => {
    for (let n = 0; n < 11; n++) await add(service.subscribe(serverKey))
    expect(await countBrowsers()).toBe(10)
    const browser = service.subscribe(serverKey)
    const id = (await add(browser)).json.subscription_id
    const wrong = await as(owner, 'DELETE', `/notifications/push/${id}`)
    expect([wrong.status, wrong.json.error.code]).toEqual([404, 'PUSH_SUBSCRIPTION_NOT_FOUND'])
    expect((await add(browser, owner)).json.subscription_id).toBe(id)
    expect((await as(anna, 'DELETE', `/notifications/push/${id}`)).status).toBe(404)
    expect((await as(owner, 'DELETE', `/notifications/push/${id}`)).status).toBe(204)
    expect((await as(owner, 'DELETE', '/notifications/push/none')).status).toBe(404)
  })

  it('go where a browser has subscribed anew, also those that wait, and only as its user says', async () => {
    const [old, fresh, another] = [serverKey, serverKey, serverKey].map((key) => service.subscribe(key))
    const { subscription_id: id, created_at } = (await add(old as BrowserSubscription)).json
    const replace = (browser: unknown, who = anna, of = id) => as(who, 'PUT', `/notifications/push/${of}`, browser)
    service.behave(503)
    const before = service.attempts()
    await plan('To the new one')
    await until(() => service.attempts() > before, 'an attempt failed')
    const refused = await Promise.all([replace(fresh, owner), replace(fresh, anna, 'none')])
    expect(refused.map(({ status }) => status)).toEqual([404, 404])
    const unencrypted = await replace({ ...fresh, endpoint: 'http://push.example.com/' })
    expect([unencrypted.status, unencrypted.json.error.details[0].field]).toEqual([400, 'endpoint'])
    // A page of the browser was faster.
    await add(fresh as BrowserSubscription)
    const replaced = await replace(fresh)
    expect([replaced.status, replaced.json]).toEqual([200, { subscription_id: id, created_at }])
    expect((await replace(fresh)).json).toEqual(replaced.json)
    service.behave('take')
    await allSent()
    expect(service.pushes.filter(({ content }) => content['body'] === 'To the new one')).toMatchObject([
      { endpoint: fresh?.endpoint },
    ])
    expect((await replace(another)).status).toBe(200)
    expect(await countBrowsers()).toBe(1)
  })

  it('to a push service that never answers end in time and are tried again, and hold up no other one', async () => {
    const { sql } = first.database
    const channels = [owner?.user.user_id, anna?.user.user_id] as const
    await seedFollowers(sql, { push: silent, serverKey }, { channels, followers: BROWSERS, browsers: BROWSERS })
    silent.behave('wait')
    await plan('Waiting')
    // On a busy machine the first ones are given up before the last ones are sent.
    await until(() => silent.waiting() >= OF_ONE_SERVICE, 'it has as many as one gateway sends at a time')
    const quick = service.subscribe(serverKey)
    await add(quick)
    await plan('Next')
    await until(() => pushesTo(quick).length > 0, 'the other push service has its push')
    expect(silent.waiting()).toBeLessThanOrEqual(2 * OF_ONE_SERVICE)
    await until(() => silent.pushes.length > new Set(silent.pushes.map(keyOf)).size, 'a push is tried again')
    silent.behave('take')
    await allSent()
    // On a busy machine one may be given up while it is answered; it comes again with the same tag.
    expect(new Set(silent.answered.map(keyOf)).size).toBe(2 * BROWSERS)
  })
})

/** More than two gateways send to one push service at a time. */
const [BROWSERS, OF_ONE_SERVICE] = [80, 32]
const keyOf = ({ endpoint, content }: ReceivedPush) => `${content['tag']} ${endpoint}`

describe.each(RUNTIMES)('push subscriptions on %s', (runtime) => {
  it('need https, an address that may be called, and keys that are some; all gateways have one key', async () => {
    await using gateway = await startGatewayOn(runtime, { ...ENV, ALLOW_PRIVATE_NETWORKS: 'false', ...GUARD[runtime] })
    const { headers } = await signUp(gateway.api, 'anna')
    const call = (method: string, path: string, body?: unknown) =>
      gateway.api(method, `/api/v1/notifications/push${path}`, body, headers)
    expect((await call('GET', '')).json.public_key).toBe(PUBLIC_KEY)
    await using service = await startPushService()
    const good = { ...service.subscribe(PUBLIC_KEY), endpoint: 'https://push.example.com/some/endpoint' }
    const wrong: readonly [string, object][] = [
      ['endpoint', { endpoint: 'http://push.example.com/' }],
      ['endpoint', { endpoint: 'https://127.0.0.1/' }],
      ['endpoint', { endpoint: 'https://[::ffff:10.0.0.1]/' }],
      ['endpoint', { endpoint: 'https://user:password@push.example.com/' }],
      ['endpoint', { endpoint: 'nowhere' }],
      ['endpoint', { endpoint: `https://push.example.com/${'x'.repeat(2000)}` }],
      ['keys.p256dh', { keys: { ...good.keys, p256dh: NO_POINT } }],
      ['keys.p256dh', { keys: { ...good.keys, p256dh: 'short' } }],
      ['keys.auth', { keys: { ...good.keys, auth: '' } }],
      ['more', { more: 1 }],
    ]
    for (const [field, change] of wrong) {
      const { status, json } = await call('POST', '', { ...good, ...change })
      expect([status, json.error.code, json.error.details[0].field]).toEqual([400, 'INVALID_CONFIG', field])
    }
    const { status, json } = await call('POST', '', good)
    expect(status).toBe(201)
    expect((await call('DELETE', `/${json.subscription_id}`)).status).toBe(204)
    expect((await gateway.api('GET', '/api/v1/notifications/push', undefined, { 'x-api-key': '' })).status).toBe(401)
  })
})

/** The key that the internal key of tests has. */
const PUBLIC_KEY = 'BOIut0au3V4rDJ9hXCaQacewvQZBMMB9oZ-Yse-MMnFlLmwxYYPa5zAMcsY2C3jYfxLr76MpR28rMMbCBssRptQ'
const GUARD = { node: {}, workerd: { DNS_OVER_HTTPS_URL: 'https://127.0.0.1/dns-query' } } as const

it('without a subject there are no pushes', async () => {
  await using off = await startTestGateway()
  const { headers } = await signUp(off.api, 'anna')
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', { endpoint: 'https://push.example.com/', keys: { p256dh: `B${'A'.repeat(86)}`, auth: 'A'.repeat(22) } }],
  ] as const) {
    const { status, json } = await off.api(method, '/api/v1/notifications/push', body, headers)
    expect([status, json.error.code]).toEqual([503, 'PUSH_DISABLED'])
  }
})
