import { expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { claimBroadcast, openIngest, signUp } from '../testing/live-gateway.ts'

/** Starts a gateway with a signed-in owner, who creates broadcasts. */
async function openStudio(env: Record<string, string>) {
  const gateway: TestGateway = await startTestGateway({ env: { INGEST_WORKERS: '1', ...env } })
  const owner = await signUp(gateway.api, 'anna')
  const as = (method: string, path: string, body?: unknown) =>
    gateway.api(method, `/api/v1${path}`, body, owner.headers)
  const create = async () => (await as('POST', '/streams', { title: 'A show' })).json
  return { gateway, as, create, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
}

it('a broadcast beyond MAX_BROADCASTS is refused in words until another one has ended', async () => {
  await using studio = await openStudio({ MAX_BROADCASTS: '1' })
  const ingest = await openIngest(studio.gateway)
  const [first, second] = [await studio.create(), await studio.create()]
  expect((await ingest.publish(first.stream_key)).answer.status).toBe(200)
  const { answer } = await ingest.publish(second.stream_key)
  expect([answer.status, answer.json.error.message]).toEqual([
    403,
    expect.stringContaining('1 broadcasts are on the air, which is the limit'),
  ])
  // PATCH works like PUT.
  expect((await studio.as('PATCH', `/streams/${first.stream_id}/end`)).json.state).toBe('ended')
  expect((await ingest.publish(second.stream_key)).answer.status).toBe(200)
})

it('a broadcast ends at MAX_BROADCAST_HOURS, and its owner learns why', async () => {
  await using studio = await openStudio({ MAX_BROADCAST_HOURS: '1' })
  const ingest = await openIngest(studio.gateway)
  const { stream_id: id, stream_key: key } = await studio.create()
  const { session } = await ingest.publish(key)
  await (await claimBroadcast(studio.gateway.url, id)).encode(session, 1)
  await studio.gateway.database
    .sql`update streams set started_at = now() - interval '61 minutes' where stream_id = ${id}`
  const read = async () => (await studio.as('GET', `/streams/${id}`)).json
  await expect.poll(async () => (await read()).state).toBe('ended')
  expect((await read()).end_reason).toContain('MAX_BROADCAST_HOURS')
})

it('what a broadcast has already may be sent again once it is live: a client sends what it has read', async () => {
  await using studio = await openStudio({})
  const { stream_id: id, stream_key: key } = await studio.create()
  await (await openIngest(studio.gateway)).publish(key)
  const { latency, scheduled_for, visibility, record } = (await studio.as('GET', `/streams/${id}`)).json
  const same = { latency, scheduled_for, visibility, record }
  const changed = await studio.as('PUT', `/streams/${id}`, { ...same, title: 'Another title' })
  expect([changed.status, changed.json.title]).toEqual([200, 'Another title'])
  expect((await studio.as('PUT', `/streams/${id}`, [])).json.error).toMatchObject({ code: 'INVALID_CONFIG' })
  for (const other of [{ latency: 'normal' }, { scheduled_for: '2099-01-01T00:00:00Z' }]) {
    const refused = await studio.as('PUT', `/streams/${id}`, { ...same, ...other })
    expect([refused.status, refused.json.error.code]).toEqual([409, 'STREAM_STARTED'])
  }
})
