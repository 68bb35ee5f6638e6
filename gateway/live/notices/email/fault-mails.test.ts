import { afterAll, beforeAll, expect, it } from 'vitest'

import { newEventId } from '../../../../shared/ids.ts'
import { signWebhookHeaders } from '../../../../shared/net/signing.ts'
import { until } from '../../../../shared/testing/until.ts'
import { startMailServer, type MailServer } from '../../../testing/mail-server.ts'
import { startTestGateway, TEST_KEYS, type TestGateway } from '../../../testing/test-gateway.ts'
import { openIngest, signUp, type SimulatedIngest, type TestUser } from '../../testing/live-gateway.ts'

let server: MailServer
let gateway: TestGateway
let ingest: SimulatedIngest
let owner: TestUser
beforeAll(async () => {
  server = await startMailServer()
  const env = {
    INGEST_WORKERS: '1',
    MAIL_FROM: 'Live <no-reply@live.example>',
    PUBLIC_URL: 'https://live.example',
    RECONNECT_WINDOW: '1800',
    SMTP_URL: server.url,
  }
  gateway = await startTestGateway({ env })
  owner = await signUp(gateway.api, 'owner-one')
  await gateway.database.sql`update users set email_verified_at = now()`
  ingest = await openIngest(gateway)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

/** Puts a broadcast on the air which a monitor watches; returns a function that sends an event of the monitor. */
async function goLive(title: string) {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title }, owner.headers)
  await ingest.publish(json.stream_key)
  const { sql } = gateway.database
  await sql`update streams set monitor_id = ${`mon-${title}`} where stream_id = ${json.stream_id}`
  return async (event_type: string, data: object = {}) => {
    const event_id = newEventId()
    const timestamp = new Date().toISOString()
    const body = JSON.stringify({ event_id, event_type, monitor_id: `mon-${title}`, timestamp, data })
    const headers = signWebhookHeaders(TEST_KEYS.WEBHOOK_SIGNING_KEY, event_id, body, Date.now())
    await fetch(`${gateway.url}/live/hooks/${json.stream_id}`, { method: 'POST', body, headers })
  }
}

const allSent = () =>
  until(async () => {
    const [row] = await gateway.database.sql`
      select exists (select from mails) or exists (select from notice_deliveries where done_at is null) as busy`
    return row?.['busy'] === false
  }, 'all is sent')
const about = (title: string) => server.mails.filter(({ subject }) => subject.includes(title))

it.each([
  ['alert.blackout', { started_at: '2026-11-22T19:00:09.000Z' }, 'The picture has been black since 7:00:09'],
  ['alert.freeze', { started_at: '2026-11-22T19:00:09.000Z' }, 'The picture has not changed since 7:00:09'],
  ['alert.silence', { started_at: '2026-11-22T19:00:09.000Z' }, 'The sound has been silent since 7:00:09'],
  ['stream.suspended', { last_segment_at: '2026-11-22T19:00:09.000Z' }, 'Viewers have got nothing new since 7:00:09'],
])('after %s the owner gets one mail, which names the fault', async (event, data, line) => {
  const title = event.replace('.', '-')
  const say = await goLive(title)
  await say(event, data)
  await until(() => about(title).length > 0, 'the mail is there')
  await say(event, data)
  await allSent()
  expect(about(title).map(({ envelope }) => envelope.to)).toEqual([['owner-one@example.org']])
  expect(about(title)[0]?.text).toContain(line)
})

it('an owner who wants no mails of faults, or has not confirmed the address, gets none', async () => {
  const { sql } = gateway.database
  const choose = (alert: boolean) =>
    gateway.api('PUT', '/api/v1/notifications/preferences', { email: { alert } }, owner.headers)
  const goBlack = async (title: string) => {
    const say = await goLive(title)
    await say('alert.blackout')
  }
  await choose(false)
  await goBlack('Muted')
  await allSent()
  await choose(true)
  await sql`update users set email_verified_at = null`
  await goBlack('Nowhere')
  await allSent()
  await sql`update users set email_verified_at = now()`
  await goBlack('Wanted')
  await until(() => about('Wanted').length > 0, 'the mail is there')
  expect([...about('Muted'), ...about('Nowhere')]).toEqual([])
})
