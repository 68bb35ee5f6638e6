import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let owner: TestUser
let first: SimulatedIngest
let second: SimulatedIngest
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '2' } })
  owner = await signUp(gateway.api, 'broadcaster')
  const { launcher } = gateway.gateway.context
  await until(async () => (await launcher.list(AbortSignal.timeout(1000))).length === 2, 'both ingests are launched')
  first = await claimIngest(gateway.url, 'ingest-0')
  second = await claimIngest(gateway.url, 'ingest-1')
})
afterAll(() => gateway[Symbol.asyncDispose]())
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() }))
afterEach(() => void vi.useRealTimers())

/** Sets the clock of the gateway, and of its callers, this far ahead of the database's. */
const setAhead = (sec: number) => vi.setSystemTime(Date.now() + sec * 1000)

async function createStream(): Promise<{ readonly id: string; readonly key: string }> {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  return { id: json.stream_id, key: json.stream_key }
}

it('an encoder that publishes is not replaced by one at another ingest, also while the clock of the gateway is ahead', async () => {
  const { key } = await createStream()
  expect((await first.publish(key)).answer.status).toBe(200)
  setAhead(60)
  const { answer } = await second.publish(key)
  expect([answer.status, answer.json]).toMatchObject([409, { error: { code: 'STREAM_TAKEN' } }])
})

it('an encoder whose ingest is gone comes back through another one, also while the clock of the gateway is behind', async () => {
  const { id, key } = await createStream()
  setAhead(-60)
  expect((await first.publish(key)).answer.status).toBe(200)
  await gateway.database.sql`update streams set publisher_seen_at = now() - interval '11 s' where stream_id = ${id}`
  expect((await second.publish(key)).answer.status).toBe(200)
})

it('an encoder that was admitted while the clock of the gateway was ahead counts as seen at the moment of the database', async () => {
  const { id, key } = await createStream()
  setAhead(60)
  await first.publish(key)
  const [row] = await gateway.database.sql`
    select publisher_seen_at <= now() as is_past from streams where stream_id = ${id}`
  expect(row?.['is_past']).toBe(true)
})

it('a broadcast closes at the moment of the database', async () => {
  const { id } = await createStream()
  setAhead(60)
  const { status, json } = await gateway.api('PUT', `/api/v1/streams/${id}/end`, undefined, owner.headers)
  expect([status, json]).toMatchObject([200, { state: 'ended' }])
  const [row] = await gateway.database.sql`select closed_at <= now() as is_past from streams where stream_id = ${id}`
  expect(row?.['is_past']).toBe(true)
})
