import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

import { newEventId } from '../../../shared/ids.ts'
import { signWebhookHeaders, verifyWebhook } from '../../../shared/net/signing.ts'
import { startReceiver, type Delivery, type Receiver, type ReceiverBehaviour } from '../../testing/receiver.ts'
import { isStandardWebhook } from '../../testing/standard-webhook.ts'
import { startTestGateway, TEST_KEYS, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let ingest: SimulatedIngest
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1', RECONNECT_WINDOW: '1800' } })
  await signUp(gateway.api, 'root-of-all')
  ingest = await openIngest(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

let owner: TestUser
let users = 0
beforeEach(async () => {
  owner = await signUp(gateway.api, `owner-${++users}`)
})

const as = (method: string, path: string, body?: unknown) => gateway.api(method, `/api/v1${path}`, body, owner.headers)
const setUrl = (url: string | null) => as('PUT', '/notifications/webhook', { fault_webhook_url: url })
// The secrets of owners are known only after their gateway has the address of the receiver: tests verify signatures.
const receive = (answer?: ReceiverBehaviour): Promise<Receiver> => startReceiver('another key', answer)
const typesOf = ({ deliveries }: Receiver) => deliveries.map(({ payload }) => payload.event_type)
const payloadsOf = ({ deliveries }: Receiver): Json[] => deliveries.map(({ payload }) => payload)

/** Puts a broadcast on the air which a monitor watches; returns its id, and a function that sends an event of the monitor. */
async function goLive(title = 'A show') {
  const { json } = await as('POST', '/streams', { title })
  await ingest.publish(json.stream_key)
  const id: string = json.stream_id
  const monitorId = `mon-${randomUUID()}`
  const watch = () => gateway.database.sql`update streams set monitor_id = ${monitorId} where stream_id = ${id}`
  await watch()
  const say = async (event_type: string, data: object = {}, event_id = newEventId()) => {
    const timestamp = new Date().toISOString()
    const body = JSON.stringify({ event_id, event_type, monitor_id: monitorId, timestamp, data })
    const headers = signWebhookHeaders(TEST_KEYS.WEBHOOK_SIGNING_KEY, event_id, body, Date.now())
    expect((await fetch(`${gateway.url}/live/hooks/${id}`, { method: 'POST', body, headers })).status).toBe(204)
  }
  return { id, say, watch }
}

/** Resolves once all that was enqueued before has arrived. */
async function settle(receiver: Receiver): Promise<void> {
  expect((await as('POST', '/notifications/webhook/test')).status).toBe(202)
  await receiver.waitFor(({ payload }) => payload.event_type === 'fault.test')
}

const isSignedBy = (secret: string, delivery: Delivery) => {
  const { 'x-timestamp': timestamp, 'x-signature-256': signature } = delivery.headers
  const signed = { timestamp: String(timestamp), signature: String(signature), body: delivery.body }
  return verifyWebhook(secret, signed, Date.now()) === 'valid' && isStandardWebhook(secret, delivery)
}

it('a fault of a broadcast is sent once when it begins and once when it is over, in order, signed for its owner', async () => {
  await using receiver = await receive()
  const set = await setUrl(receiver.url)
  expect([set.status, set.json]).toEqual([
    200,
    {
      fault_webhook_url: receiver.url,
      created_at: expect.any(String),
      deliveries: [],
      signing_secret: expect.any(String),
    },
  ])
  const { id, say } = await goLive('Night')
  const begun = { started_at: '2026-01-01T00:00:10.000Z', duration_sec: 5, threshold_sec: 5 }
  const over = { ...begun, total_duration_sec: 9.5, recovered_at: '2026-01-01T00:00:19.500Z' }
  const [first, last] = [newEventId(), newEventId()]
  await say('alert.blackout', begun, first)
  await say('alert.blackout', begun, first)
  await say('stream.suspended', { last_segment_at: '2026-01-01T00:00:16.000Z', stalled_sec: 10 })
  await say('alert.blackout_recovered', over, last)
  // What a gateway repeats after a crash.
  await say('alert.blackout', begun, first)
  await say('alert.blackout_recovered', over, last)
  await say('stream.resumed', { suspended_sec: 12 })
  await settle(receiver)
  const common = {
    event_id: expect.stringMatching(/^evt-/),
    stream_id: id,
    title: 'Night',
    timestamp: expect.any(String),
  }
  expect(payloadsOf(receiver).slice(0, -1)).toEqual([
    { ...common, event_type: 'fault.black', data: { kind: 'black', ...begun } },
    {
      ...common,
      event_type: 'fault.stalled',
      data: { kind: 'stalled', started_at: '2026-01-01T00:00:16.000Z', duration_sec: 10 },
    },
    {
      ...common,
      event_type: 'fault.black_recovered',
      data: {
        kind: 'black',
        started_at: begun.started_at,
        recovered_at: over.recovered_at,
        total_duration_sec: 9.5,
        reason: 'recovered',
      },
    },
    {
      ...common,
      event_type: 'fault.stalled_recovered',
      data: {
        kind: 'stalled',
        started_at: '2026-01-01T00:00:16.000Z',
        recovered_at: expect.any(String),
        total_duration_sec: 12,
        reason: 'recovered',
      },
    },
  ])
  for (const delivery of receiver.deliveries) {
    expect(isSignedBy(set.json.signing_secret, delivery)).toBe(true)
    expect(isSignedBy(TEST_KEYS.WEBHOOK_SIGNING_KEY, delivery)).toBe(false)
  }
  const { json } = await as('GET', '/notifications/webhook')
  expect(json).not.toHaveProperty('signing_secret')
  expect(json.deliveries.map((one: Json) => one.event_type)).toEqual(typesOf(receiver).toReversed())
})

it('what the receiver refuses is sent again with the same id and bytes, and what follows waits for it', async () => {
  await using receiver = await receive((_delivery, count) => (count === 1 ? 500 : 204))
  await setUrl(receiver.url)
  const { say } = await goLive()
  await say('alert.freeze')
  await say('alert.freeze_recovered')
  await receiver.waitFor(({ payload }) => payload.event_type === 'fault.frozen_recovered')
  expect(typesOf(receiver)).toEqual(['fault.frozen', 'fault.frozen', 'fault.frozen_recovered'])
  const [refused, again] = receiver.deliveries
  expect([again?.body, again?.headers['webhook-id']]).toEqual([refused?.body, refused?.headers['webhook-id']])
})

it('what waits goes to an address that replaces another one, under a secret that replaces another one; a removed address gets nothing more', async () => {
  const { sql } = gateway.database
  await using refusing = await receive(() => 500)
  await using receiver = await receive()
  const first = await setUrl(refusing.url)
  const { say } = await goLive()
  await say('alert.silence')
  await refusing.waitFor(() => true)
  const renewed = await as('POST', '/notifications/webhook/secret')
  expect(renewed.json.signing_secret).not.toBe(first.json.signing_secret)
  expect((await setUrl(receiver.url)).json).not.toHaveProperty('signing_secret')
  const moved = await receiver.waitFor(() => true)
  expect(moved.body).toBe(refusing.deliveries[0]?.body)
  expect(isSignedBy(renewed.json.signing_secret, moved)).toBe(true)

  await setUrl(refusing.url)
  const sent = refusing.deliveries.length
  await say('alert.silence_recovered')
  await refusing.waitFor(() => refusing.deliveries.length > sent)
  expect((await setUrl(null)).json).toEqual({ fault_webhook_url: null, created_at: null, deliveries: [] })
  await say('alert.blackout')
  const lane = `faults-${owner.user.user_id}`
  expect(await sql`select from outbox_events where subject = ${lane}`).toHaveLength(0)
  expect(await sql`select from outbox_lanes where subject = ${lane}`).toHaveLength(0)
})

it('a fault is over when its broadcast ends, is deleted or gets another monitor, and the message says so', async () => {
  await using receiver = await receive()
  await setUrl(receiver.url)
  const { id, say, watch } = await goLive()
  const reasons = () =>
    payloadsOf(receiver).flatMap(({ event_type, data }) =>
      event_type === 'fault.black_recovered' ? [data.reason] : [],
    )
  await say('alert.blackout')
  await as('PUT', `/streams/${id}`, { visibility: 'unlisted' })
  await watch()
  await say('alert.blackout')
  await say('monitor.error')
  await watch()
  await say('alert.blackout')
  await as('PUT', `/streams/${id}/end`)
  await expect.poll(reasons).toEqual(['unwatched', 'unwatched', 'broadcast_ended'])
  const other = await goLive()
  await other.say('alert.blackout')
  expect((await as('DELETE', `/streams/${other.id}`)).status).toBe(204)
  await expect.poll(() => reasons().length).toBe(4)
  expect(reasons().at(-1)).toBe('broadcast_ended')
  expect(typesOf(receiver).filter((type) => type === 'fault.black')).toHaveLength(4)
})

it('a broadcast that its monitor cannot read is reported once', async () => {
  await using receiver = await receive()
  await setUrl(receiver.url)
  const { id, say } = await goLive()
  const event = newEventId()
  await say('alert.segment_error', { error: 'answered 404', duration_sec: 60, failing: 'segment' }, event)
  await say('alert.segment_error', { error: 'answered 404', duration_sec: 60, failing: 'segment' }, event)
  await settle(receiver)
  expect(typesOf(receiver)).toEqual(['fault.unreadable', 'fault.test'])
  expect(payloadsOf(receiver)[0]).toMatchObject({
    stream_id: id,
    data: { kind: 'unreadable', duration_sec: 60, failing: 'segment' },
  })
})

it('an account that is deleted leaves no webhook behind', async () => {
  const { sql } = gateway.database
  await using receiver = await receive(() => 500)
  await setUrl(receiver.url)
  const { say } = await goLive()
  await say('alert.blackout')
  await receiver.waitFor(() => true)
  expect((await as('DELETE', '/users/me', { password: 'correct horse battery' })).status).toBe(204)
  const { user_id: userId } = owner.user
  expect(await sql`select from fault_webhooks where user_id = ${userId}`).toHaveLength(0)
  expect(await sql`select from outbox_events where subject = ${`faults-${userId}`}`).toHaveLength(0)
  expect(await sql`select from outbox_lanes where subject = ${`faults-${userId}`}`).toHaveLength(0)
})

it('faults are sent nowhere until their owner sets an address', async () => {
  const { say } = await goLive()
  await say('alert.blackout')
  const lane = `faults-${owner.user.user_id}`
  expect(await gateway.database.sql`select from outbox_lanes where subject = ${lane}`).toHaveLength(0)
})
