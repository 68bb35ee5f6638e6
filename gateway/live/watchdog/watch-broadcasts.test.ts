import { connect, createServer, type AddressInfo } from 'node:net'

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

import { newEventId } from '../../../shared/ids.ts'
import { signWebhookHeaders } from '../../../shared/net/signing.ts'
import { startTestGateway, TEST_KEYS, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
/** The address of the gateway must be known before the gateway has one: connections are passed on. */
const entrance = createServer((client) => {
  const server = connect(Number(new URL(gateway.url).port), '127.0.0.1')
  client.pipe(server).pipe(client)
  for (const socket of [client, server]) socket.on('error', () => [client.destroy(), server.destroy()])
})
beforeAll(async () => {
  await new Promise<void>((resolve) => entrance.listen(0, '127.0.0.1', resolve))
  const { port } = entrance.address() as AddressInfo
  const env = { INGEST_WORKERS: '1', LIVE_WATCHDOG: 'true', PUBLIC_URL: `http://127.0.0.1:${port}` }
  gateway = await startTestGateway({ env })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  entrance.close()
})

let owner: TestUser
let users = 0
beforeEach(async () => {
  owner = await signUp(gateway.api, `watched-${++users}`)
})

const as = (method: string, path: string, body?: unknown) => gateway.api(method, `/api/v1${path}`, body, owner.headers)

/** Puts broadcasts on the air; an ingest that reports keeps them there until they are disposed. Returns their ids. */
async function goLive(...visibilities: readonly string[]) {
  const ingest = await openIngest(gateway)
  const onAir = await Promise.all(
    visibilities.map(async (visibility) => {
      const { json } = await as('POST', '/streams', { title: 'A show', visibility })
      const { session } = await ingest.publish(json.stream_key)
      await (await claimBroadcast(gateway.url, json.stream_id)).encode(session, 1)
      return { id: json.stream_id as string, session }
    }),
  )
  const report = () => onAir.map(({ id, session }) => ingest.report(id, [{ session }]).catch(() => undefined))
  const timer = setInterval(report, 1000)
  return { ids: onAir.map(({ id }) => id), [Symbol.dispose]: () => clearInterval(timer) }
}

/** Returns the monitors that were made for broadcasts, the oldest first. */
async function monitorsOf(ids: readonly string[]): Promise<Json[]> {
  const { json } = await gateway.api('GET', '/api/v1/monitors?limit=100')
  const all: Json[] = await Promise.all(
    json.monitors.map(async (one: Json) => (await gateway.api('GET', `/api/v1/monitors/${one.monitor_id}`)).json),
  )
  return all.filter(({ metadata }) => ids.includes(metadata?.stream_id)).toReversed()
}

const isStopped = ({ status }: Json) => status === 'stopped'

it('the monitor of a broadcast that is deleted on the air is stopped', async () => {
  using onAir = await goLive('public')
  const { ids } = onAir
  await expect.poll(async () => (await monitorsOf(ids)).length).toBe(1)
  expect((await as('DELETE', `/streams/${ids[0]}`)).status).toBe(204)
  await expect.poll(async () => (await monitorsOf(ids)).map(isStopped)).toEqual([true])
})

it('the monitors of an account that is deleted on the air are stopped', async () => {
  using onAir = await goLive('public', 'private')
  const { ids } = onAir
  await expect.poll(async () => (await monitorsOf(ids)).length).toBe(2)
  expect((await as('DELETE', '/users/me', { password: 'correct horse battery' })).status).toBe(204)
  await expect.poll(async () => (await monitorsOf(ids)).map(isStopped)).toEqual([true, true])
})

it('a broadcast whose visibility changes gets another monitor, whose address plays', async () => {
  using onAir = await goLive('public')
  const { ids } = onAir
  await expect.poll(async () => (await monitorsOf(ids)).length).toBe(1)
  expect((await as('PUT', `/streams/${ids[0]}`, { visibility: 'private' })).status).toBe(200)
  await forgetAttempts()
  await expect.poll(async () => (await monitorsOf(ids)).map(isStopped)).toEqual([true, false])
  const [before, after] = await monitorsOf(ids)
  expect((await fetch(before?.stream_url)).status).toBe(404)
  expect((await fetch(after?.stream_url)).status).toBe(200)
})

it('only the own monitor of a broadcast says what is wrong with it; one that fails is followed by another one', async () => {
  using onAir = await goLive('public')
  const { ids } = onAir
  await expect.poll(async () => (await monitorsOf(ids)).length).toBe(1)
  const [monitor] = await monitorsOf(ids)
  const path = `/streams/${ids[0]}`
  const alerts = async () => ((await as('GET', path)).json.health?.alerts ?? []).map((one: Json) => one.kind)
  const send = async (event: string, monitorId: string) => {
    const timestamp = new Date().toISOString()
    const eventId = newEventId()
    const body = JSON.stringify({ event_id: eventId, event_type: event, monitor_id: monitorId, timestamp, data: {} })
    const headers = signWebhookHeaders(TEST_KEYS.WEBHOOK_SIGNING_KEY, eventId, body, Date.now())
    return (await fetch(`${gateway.url}/live/hooks/${ids[0]}`, { method: 'POST', body, headers })).status
  }
  expect(await send('alert.blackout', 'mon_of-another-one')).toBe(204)
  expect(await alerts()).toEqual([])
  expect(await send('alert.blackout', monitor?.monitor_id)).toBe(204)
  expect(await alerts()).toEqual(['black'])
  expect(await send('monitor.error', monitor?.monitor_id)).toBe(204)
  expect(await alerts()).toEqual([])
  // This one has not failed: it is stopped before the next one begins.
  await expect.poll(async () => (await forgetAttempts(), await monitorsOf(ids)).map(isStopped)).toEqual([true, false])
})

/** Lets each broadcast be tried at once: attempts to watch one have a distance of 30 s. */
async function forgetAttempts(): Promise<void> {
  await gateway.database.sql`update streams set watch_tried_at = now() - interval '1 minute'`
}
