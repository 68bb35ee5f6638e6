import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { TargetReport } from '../../../shared/contract/live-targets.ts'
import { until } from '../../../shared/testing/until.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../../testing/runtimes.ts'
import { TEST_KEYS, type Json } from '../../testing/test-gateway.ts'
import { claimBroadcast, claimIngest, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'

const URL = 'rtmps://live.example.com:443/app'
const KEY = 'their-key-0123456789'

describe.each(RUNTIMES)('targets of broadcasts on %s', (runtime) => {
  let gateway: RuntimeGateway
  let ingest: SimulatedIngest
  let [owner, other]: TestUser[] = []
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, { INGEST_WORKERS: '1', ALLOW_PRIVATE_NETWORKS: 'false' })
    owner = await signUp(gateway.api, 'owner-of-all')
    other = await signUp(gateway.api, 'other-one')
    const headers = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    await until(async () => {
      await gateway.api('POST', '/internal/v1/tick', undefined, headers)
      return (await gateway.workers()).includes('ingest-0')
    }, 'the ingest worker is launched')
    ingest = await claimIngest(gateway.url)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const as = (who: TestUser | undefined, method: string, path: string, body?: unknown) =>
    gateway.api(method, `/api/v1${path}`, body, who === undefined ? { 'x-api-key': '' } : who.headers)
  const create = async () => (await as(owner, 'POST', '/streams', { title: 'A show' })).json
  const add = (id: string, body: unknown = { url: URL, key: KEY }, who = owner) =>
    as(who, 'POST', `/streams/${id}/targets`, body)
  const list = async (id: string): Promise<Json[]> => (await as(owner, 'GET', `/streams/${id}/targets`)).json.targets

  it('the key of one is stored encrypted, and is in no answer', async () => {
    const { stream_id: id } = await create()
    const added = await add(id, { url: `${URL}/ `, key: ` ${KEY}` })
    expect(added.status).toBe(201)
    expect(added.json).toEqual({
      target_id: expect.any(String),
      url: URL,
      state: 'waiting',
      since: expect.any(String),
      problem: null,
      reason: null,
      bytes_sent: 0,
      bit_rate_kbps: 0,
      created_at: expect.any(String),
    })
    expect(await list(id)).toEqual([added.json])
    const [row] = await gateway.database.sql`select * from stream_targets where stream_id = ${id}`
    expect(row?.['sealed_key']).toMatch(/^[0-9a-f]{90,}$/)
    expect(JSON.stringify(row)).not.toContain(KEY)
  })

  it.each([
    ['url', {}],
    ['key', { url: URL }],
    ['url', { url: 'https://live.example.com/app', key: KEY }],
    ['url', { url: 'rtmp://live.example.com', key: KEY }],
    ['url', { url: 'rtmp://127.0.0.1/app', key: KEY }],
    ['url', { url: 'rtmp://0x7f000001/app', key: KEY }],
    ['url', { url: 'rtmp://localhost/app', key: KEY }],
    ['url', { url: `rtmp://live.example.com/app/${KEY}`, key: KEY }],
    ['url', { url: ['rtmp://live.example.com/app'], key: KEY }],
    ['key', { url: URL, key: '' }],
    ['key', { url: URL, key: 'a b' }],
    ['key', { url: URL, key: `a\u0000` }],
    ['key', { url: URL, key: 'k'.repeat(501) }],
    ['state', { url: URL, key: KEY, state: 'live' }],
  ])('a wrong %s is refused and named', async (field, body) => {
    const { stream_id: id } = await create()
    const refused = await add(id, body)
    expect([refused.status, refused.json.error.code]).toEqual([400, 'INVALID_CONFIG'])
    expect(refused.json.error.message).toContain(field)
    expect(refused.text).not.toContain(KEY)
    expect(await list(id)).toEqual([])
  })

  it('only the owner of a broadcast sees and changes them, and none is added after the end', async () => {
    const { stream_id: id } = await create()
    const { json: target } = await add(id)
    for (const [who, status] of [
      [other, 403],
      [undefined, 401],
    ] as const) {
      expect((await as(who, 'GET', `/streams/${id}/targets`)).status).toBe(status)
      expect((await as(who, 'POST', `/streams/${id}/targets`, { url: URL, key: 'x' })).status).toBe(status)
      expect((await as(who, 'DELETE', `/streams/${id}/targets/${target.target_id}`)).status).toBe(status)
    }
    const { stream_id: another } = await create()
    for (const wrong of [randomUUID(), 'x', target.target_id]) {
      const missing = await as(owner, 'DELETE', `/streams/${another}/targets/${wrong}`)
      expect([missing.status, missing.json.error.code]).toEqual([404, 'TARGET_NOT_FOUND'])
    }
    await as(owner, 'PUT', `/streams/${id}/end`)
    expect((await add(id, { url: URL, key: 'later' })).json.error.code).toBe('STREAM_ENDED')
    const [row] = await gateway.database.sql`select sealed_key from stream_targets where stream_id = ${id}`
    expect(row).toEqual({ sealed_key: null })
    expect((await as(owner, 'DELETE', `/streams/${id}/targets/${target.target_id}`)).status).toBe(204)
    expect(await list(id)).toEqual([])
  })

  it('a sixth one and an equal one are refused, however many come at once', async () => {
    const { stream_id: id } = await create()
    const equal = await Promise.all(Array.from({ length: 5 }, () => add(id)))
    expect(equal.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(equal.find(({ status }) => status === 409)?.json.error).toMatchObject({
      code: 'TARGET_EXISTS',
      details: { target_id: equal.find(({ status }) => status === 201)?.json.target_id },
    })
    const many = await Promise.all(Array.from({ length: 7 }, (_, i) => add(id, { url: URL, key: `key-${i}` })))
    expect(many.filter(({ status }) => status === 201)).toHaveLength(4)
    expect(many.find(({ status }) => status === 409)?.json.error).toMatchObject({
      code: 'TOO_MANY_TARGETS',
      message: 'this broadcast has 5 targets, which is the limit; remove one first',
    })
    expect(await list(id)).toHaveLength(5)
  })

  it('the worker of the broadcast gets the key of each once, and what it reports is what the owner sees', async () => {
    const { stream_id: id, stream_key: streamKey } = await create()
    const { json: first } = await add(id)
    await ingest.publish(streamKey)
    const encoder = await claimBroadcast(gateway.url, id)
    const report = async (targets: readonly TargetReport[]) =>
      (await encoder.report({ targets: [...targets] })).json.targets
    expect(await report([])).toEqual([{ target_id: first.target_id, push: { url: URL, key: KEY } }])
    const reported: TargetReport = {
      target_id: first.target_id,
      state: 'failed',
      problem: 'key_refused',
      reason: 'the platform refuses the stream key',
      bytes_sent: 12,
      bit_rate_kbps: 900,
    }
    expect(await report([reported])).toEqual([{ target_id: first.target_id, push: null }])
    const [failed] = await list(id)
    expect(failed).toMatchObject({ state: 'failed', problem: 'key_refused', bytes_sent: 12, bit_rate_kbps: 900 })
    expect(Date.parse(failed?.since)).toBeGreaterThan(Date.parse(first.since))
    await report([{ ...reported, bytes_sent: 13 }])
    expect((await list(id))[0]).toMatchObject({ bytes_sent: 13, since: failed?.since })

    const { json: second } = await add(id, { url: URL, key: 'another' })
    expect(await report([reported])).toEqual([
      { target_id: first.target_id, push: null },
      { target_id: second.target_id, push: { url: URL, key: 'another' } },
    ])
    await as(owner, 'DELETE', `/streams/${id}/targets/${first.target_id}`)
    // What is reported of one that was removed changes nothing.
    expect(await report([reported])).toEqual([{ target_id: second.target_id, push: { url: URL, key: 'another' } }])
    expect((await list(id)).map((target) => target.target_id)).toEqual([second.target_id])
    // A worker of an older version does not know targets.
    expect((await encoder.report({})).json).not.toHaveProperty('targets')
  })
})
