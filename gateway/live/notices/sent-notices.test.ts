import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { newEventId } from '../../../shared/ids.ts'
import { signWebhookHeaders } from '../../../shared/net/signing.ts'
import { until } from '../../../shared/testing/until.ts'
import { startMailServer, type MailServer, type ReceivedMail } from '../../testing/mail-server.ts'
import {
  startTestGateway,
  TEST_KEYS,
  type ApiResponse,
  type Json,
  type TestGateway,
} from '../../testing/test-gateway.ts'
import { lockMissed } from '../store/announcements.ts'
import { openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

const SITE = 'https://live.example/tv'

describe('notices that two gateways send by e-mail', () => {
  let server: MailServer
  let first: TestGateway
  let second: TestGateway
  let ingest: SimulatedIngest
  let [owner, anna, ben]: TestUser[] = []
  beforeAll(async () => {
    server = await startMailServer()
    const env = {
      INGEST_WORKERS: '1',
      MAIL_FROM: 'Live <no-reply@live.example>',
      PUBLIC_URL: SITE,
      SMTP_URL: server.url,
    }
    first = await startTestGateway({ env })
    second = await startTestGateway({ database: first.database, env })
    owner = await signUp(first.api, 'owner-of-all')
    anna = await signUp(first.api, 'anna')
    ben = await signUp(first.api, 'ben')
    ingest = await openIngest(first)
  })
  afterAll(async () => {
    await second[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    const { sql } = first.database
    await sql`delete from streams`
    await sql`delete from follows`
    await sql`delete from notice_preferences`
    await sql`update users set email_verified_at = now()`
    for (const who of [anna, ben]) await as(who, 'POST', '/follows', { user_id: owner?.user.user_id })
  })

  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown): Promise<ApiResponse> =>
    first.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const create = async (title: string, more: object = {}): Promise<Json> =>
    (await as(owner, 'POST', '/streams', { title, ...more })).json
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
  const choose = (who: TestUser | undefined, body: object) => as(who, 'PUT', '/notifications/preferences', body)
  const about = (title: string) => server.mails.filter(({ subject }) => subject.includes(title))
  const receiversOf = (title: string) =>
    about(title)
      .flatMap(({ envelope }) => envelope.to)
      .toSorted()
  /** Resolves once all that was announced is written, enqueued and sent. */
  const allSent = () =>
    until(async () => {
      const [row] = await first.database.sql`
        select exists (select from announcements where done_at is null) or exists (select from mails)
          or exists (select from notice_deliveries where done_at is null) as busy`
      return row?.['busy'] === false
    }, 'all is sent')
  const goLive = async (title: string): Promise<string> => {
    const { stream_id: id, stream_key: key } = await create(title)
    await ingest.publish(key)
    await until(
      async () => (await first.database.sql`select from notice_deliveries where stream_id = ${id}`).length > 0,
      'it is announced',
    )
    await allSent()
    return id
  }
  const headerOf = (mail: ReceivedMail | undefined, name: string) =>
    mail?.headers.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? ''
  /** Returns the link of a mail, below the gateway. */
  const linkOf = (mail: ReceivedMail | undefined) =>
    first.url + headerOf(mail, 'List-Unsubscribe').slice(`<${SITE}`.length, -1)
  const post = (link: string, body: string) =>
    fetch(link, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })

  it('come once to each confirmed address, in the language of its user, with a link and a way out', async () => {
    await first.database.sql`update users set language = 'ja' where username = 'anna'`
    await first.database.sql`update users set email_verified_at = null where username = 'owner-of-all'`
    const id = await goLive('Once')
    expect(receiversOf('Once')).toEqual(['anna@example.org', 'ben@example.org'])
    const mail = about('Once').find(({ envelope }) => envelope.to[0] === 'ben@example.org')
    expect(mail?.subject).toBe('owner-of-all is live: Once')
    expect(mail?.text).toContain(`${SITE}/watch/${id}`)
    expect(about('Once').map(({ subject }) => subject)).toContain('owner-of-allさんが配信中です：Once')
    expect(headerOf(mail, 'List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click')
    expect(mail?.text).toContain(headerOf(mail, 'List-Unsubscribe').slice(1, -1))
    expect(first.errors).toEqual([])
  })

  it('do not come to addresses that are not confirmed, of kinds that are off, about a muted channel, or to those who have read', async () => {
    await first.database.sql`update users set email_verified_at = null where username = 'anna'`
    expect((await choose(ben, { email: { live: false, scheduled: true } })).json.email).toEqual({
      scheduled: true,
      soon: false,
      live: false,
      missed: true,
      alert: true,
    })
    await goLive('Unwanted')
    expect(receiversOf('Unwanted')).toEqual([])
    await create('Planned', { scheduled_for: inMinutes(60) })
    await until(() => receiversOf('Planned').length > 0, 'the mail is there')
    expect(about('Planned')[0]?.text).toMatch(/Planned\n\w+, .+ UTC\n/)
    const { follow_id: id } = (await as(ben, 'POST', '/follows', { user_id: owner?.user.user_id })).json
    expect((await as(ben, 'PATCH', `/follows/${id}`, { email: false })).json).toMatchObject({
      notices: true,
      email: false,
    })
    expect((await as(ben, 'PATCH', `/follows/${id}`, {})).status).toBe(400)
    await create('Muted', { scheduled_for: inMinutes(60) })
    await allSent()
    expect(receiversOf('Muted')).toEqual([])
    expect((await choose(ben, { email: { all: true } })).status).toBe(400)
    server.behave('fail')
    await first.database.sql`update follows set is_email_muted = false`
    await create('Read', { scheduled_for: inMinutes(60) })
    await until(
      async () => (await first.database.sql`select from mails where attempts = 1 and taken_by is null`).length > 0,
      'an attempt failed',
    )
    await as(ben, 'PUT', '/notifications/read')
    await until(
      async () => (await first.database.sql`select from mails where taken_by is not null`).length === 0,
      'an attempt that began before has failed too',
    )
    server.behave('take')
    await allSent()
    expect(receiversOf('Read')).toEqual([])
  })

  it('end by one click without a session, or by a choice on the page; a program that opens the link ends nothing', async () => {
    await goLive('First')
    const mailTo = (title: string, name: string) =>
      about(title).find(({ envelope }) => envelope.to[0] === `${name}@example.org`)
    const link = linkOf(mailTo('First', 'anna'))
    const page = await (await fetch(link)).text()
    expect(page).toContain('No more mails about owner-of-all')
    expect((await as(anna, 'GET', '/notifications/preferences')).json.email.live).toBe(true)

    expect((await post(link, 'List-Unsubscribe=One-Click')).status).toBe(200)
    expect((await post(link, 'List-Unsubscribe=One-Click')).status).toBe(200)
    expect((await as(anna, 'GET', '/notifications/preferences')).json).toMatchObject({
      live: true,
      email: { live: false, missed: false },
    })
    expect(await (await post(linkOf(mailTo('First', 'ben')), 'scope=channel')).text()).toContain('about owner-of-all.')
    expect((await as(ben, 'GET', '/notifications/preferences')).json.email.live).toBe(true)
    await goLive('Second')
    expect(receiversOf('Second')).toEqual([])

    const { searchParams } = new URL(link)
    const altered = { user: ben?.user.user_id, channel: anna?.user.user_id, signature: 'f'.repeat(64) }
    for (const [name, value] of Object.entries(altered)) {
      const wrong = new URLSearchParams(searchParams)
      wrong.set(name, String(value))
      for (const answer of [
        await fetch(`${first.url}/unsubscribe?${wrong.toString()}`),
        await post(`${first.url}/unsubscribe?${wrong.toString()}`, 'List-Unsubscribe=One-Click'),
      ]) {
        expect(answer.status).toBe(400)
      }
    }
    expect((await fetch(`${first.url}/unsubscribe?lang=ja`)).status).toBe(400)
  })

  it('come again for a start that is moved, and to its owner when it is missed again', async () => {
    await choose(anna, { email: { soon: true } })
    const { stream_id: id } = await create('Moved', { scheduled_for: inMinutes(9) })
    const move = (scheduledFor: string) => as(owner, 'PATCH', `/streams/${id}`, { scheduled_for: scheduledFor })
    await until(() => receiversOf('Moved').length === 1, 'it begins soon')
    await move(inMinutes(60))
    await allSent()
    const moved = inMinutes(8)
    await move(moved)
    await until(() => receiversOf('Moved').length === 2, 'it begins soon at another time')
    await move(moved)
    await allSent()
    expect(receiversOf('Moved')).toEqual(['anna@example.org', 'anna@example.org'])
    const kinds = (await as(anna, 'GET', '/notifications')).json.notifications.map(({ kind }: Json) => kind)
    expect(kinds.toSorted()).toEqual(['scheduled', 'soon'])
    const miss = (minutes: number) =>
      first.database
        .sql`update streams set scheduled_for = now() - make_interval(mins => ${minutes}) where stream_id = ${id}`
    const missed = () => receiversOf('Moved').filter((to) => to.startsWith('owner-of-all')).length
    await miss(20)
    await until(() => missed() === 1, 'the owner learns of it')
    await move(inMinutes(60))
    await first.database.sql`update notifications set created_at = now() - interval '1 hour' where kind = 'missed'`
    await miss(16)
    await until(() => missed() === 2, 'the owner learns of it again')
    // A gateway that has found it late before that, and comes to write it now, writes nothing.
    expect(await first.database.db.transaction((tx) => lockMissed(tx, id))).toBeNull()
    expect(first.errors).toEqual([])
  })

  it('come to the owner when viewers see a fault, and again for one much later', async () => {
    const id = await goLive('Faulty')
    const { sql } = first.database
    await sql`update streams set monitor_id = 'mon_1' where stream_id = ${id}`
    const say = async (event: string) => {
      const timestamp = new Date().toISOString()
      const eventId = newEventId()
      const body = JSON.stringify({ event_id: eventId, event_type: event, monitor_id: 'mon_1', timestamp, data: {} })
      const headers = signWebhookHeaders(TEST_KEYS.WEBHOOK_SIGNING_KEY, eventId, body, Date.now())
      await fetch(`${second.url}/live/hooks/${id}`, { method: 'POST', body, headers })
    }
    const toOwner = () => about('Faulty').filter(({ envelope }) => envelope.to.includes('owner-of-all@example.org'))
    await say('alert.blackout')
    await until(() => toOwner().length === 1, 'the owner learns of it')
    expect(toOwner()[0]?.subject).toContain('Viewers see or hear a fault')
    expect(toOwner()[0]?.text).toContain(`${SITE}/studio/${id}`)
    await say('alert.blackout_recovered')
    await say('alert.blackout')
    await say('alert.silence')
    await allSent()
    expect(toOwner()).toHaveLength(1)
    await sql`update notifications set created_at = now() - interval '1 hour' where kind = 'alert'`
    await say('alert.freeze')
    await until(() => toOwner().length === 2, 'the owner learns of a later one')
  })
})
