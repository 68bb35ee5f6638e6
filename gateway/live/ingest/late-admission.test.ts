import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimIngest, openIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

let gateway: TestGateway
let owner: TestUser
let ingest: SimulatedIngest
beforeAll(async () => {
  gateway = await startTestGateway({ env: { INGEST_WORKERS: '1' } })
  owner = await signUp(gateway.api, 'broadcaster')
  ingest = await openIngest(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const stateOf = async (id: string) => (await gateway.api('GET', `/api/v1/streams/${id}`)).json.state

async function createStream(): Promise<{ readonly id: string; readonly key: string }> {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  return { id: json.stream_id, key: json.stream_key }
}

it('a decision that takes longer than the ingest worker waits puts nothing on the air', async () => {
  const { id, key } = await createStream()
  const { answer } = await ingest.publish(key, { answer_within_ms: 1 })
  expect(answer.status).toBe(503)
  expect(await stateOf(id)).toBe('ready')
  expect((await ingest.publish(key, { answer_within_ms: 60_000 })).answer.status).toBe(200)
})

it('a decision waits for the row of its broadcast no longer than the ingest worker does', async () => {
  const { id, key } = await createStream()
  await gateway.database.sql.begin(async (tx) => {
    await tx`select from streams where stream_id = ${id} for update`
    const startedMs = performance.now()
    const { answer } = await ingest.publish(key, { answer_within_ms: 500 })
    expect(answer.status).toBe(503)
    // A statement ends after 8 s otherwise.
    expect(performance.now() - startedMs).toBeLessThan(6000)
  })
  expect(await stateOf(id)).toBe('ready')
})

it('an encoder that was admitted after its ingest worker had refused it is gone with the next report', async () => {
  const { id, key } = await createStream()
  const { session } = await ingest.publish(key)
  expect(await stateOf(id)).toBe('live')
  await ingest.report(id, [], { abandoned: [session] })
  expect(await stateOf(id)).toBe('reconnecting')
  expect((await ingest.publish(key)).answer.status).toBe(200)
  expect(await stateOf(id)).toBe('live')
})

it('the request of an earlier process of the ingest worker is refused as one of a stale epoch', async () => {
  const { id, key } = await createStream()
  const earlier = await claimIngest(gateway.url)
  ingest = await claimIngest(gateway.url)
  const { answer } = await earlier.publish(key)
  expect([answer.status, answer.json]).toMatchObject([409, { error: { code: 'STALE_EPOCH' } }])
  expect(await stateOf(id)).toBe('ready')
})
