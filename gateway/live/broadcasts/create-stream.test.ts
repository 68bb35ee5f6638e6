import { expect, test } from 'vitest'

import { hashText } from '../../../shared/net/hash.ts'
import { startGatewayOn } from '../../testing/runtimes.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { claimIngest, signUp, type TestUser } from '../testing/live-gateway.ts'

test('the creation of a broadcast with an Idempotency-Key happens once, however often it is repeated, and stores no key', async () => {
  await using gateway = await startGatewayOn('node')
  const owner = await signUp(gateway.api, 'owner-of-all')
  const other = await signUp(gateway.api, 'other-one')
  const call = (who: TestUser, body: object, key: string) =>
    gateway.api('POST', '/api/v1/streams', body, { ...who.headers, 'idempotency-key': key })
  const show = { title: 'Once', visibility: 'private' }
  const answers = await Promise.all(Array.from({ length: 5 }, () => call(owner, show, 'show-1')))
  expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(201))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  const [first] = answers
  const rows = await gateway.database.sql`select stream_id, key_hash from streams where title = 'Once'`
  expect(rows).toEqual([{ stream_id: first?.json.stream_id, key_hash: hashText(first?.json.stream_key) }])
  const [stored] = await gateway.database.sql`select * from idempotency_keys where key = 'show-1'`
  expect(JSON.stringify(stored)).not.toContain(first?.json.stream_key)
  expect((await call(owner, { title: 'Twice' }, 'show-1')).json.error.code).toBe('IDEMPOTENCY_KEY_REUSED')
  expect((await call(other, show, 'show-1')).json.stream_id).not.toBe(first?.json.stream_id)
  expect((await call(owner, show, 'x'.repeat(256))).status).toBe(400)
})

test('a broadcast has a port and a passphrase of SRT until it ends; they are shown with its key only, and not stored', async () => {
  await using gateway = await startTestGateway({ env: { INGEST_WORKERS: '1', SRT_PORTS: '20000-20001' } })
  const owner = await signUp(gateway.api, 'owner-of-all')
  const call = (method: string, path: string, body?: object, headers: object = {}) =>
    gateway.api(method, `/api/v1/streams${path}`, body, { ...owner.headers, ...headers })
  const create = (key: string) => call('POST', '', { title: 'By SRT' }, { 'idempotency-key': key })
  const [first, second, third] = [await create('one'), await create('two'), await create('three')].map(
    ({ json }) => json,
  )
  const [srtOfFirst, srtOfSecond] = [first, second].map((json) => new URL(json.ingest.srt_url))
  expect([srtOfFirst?.port, srtOfSecond?.port, third.ingest.srt_url]).toEqual(['20000', '20001', undefined])
  const passphrase = srtOfFirst?.searchParams.get('passphrase') ?? ''
  expect(passphrase).toMatch(/^[0-9a-f]{32}$/)
  expect(srtOfSecond?.searchParams.get('passphrase')).not.toBe(passphrase)
  expect((await create('one')).json).toEqual(first)
  expect((await call('GET', `/${first.stream_id}`)).text).not.toContain(passphrase)
  const stored = await gateway.database.sql`
    select array[(select json_agg(one) from streams one)::text, (select json_agg(one) from idempotency_keys one)::text]`
  expect(JSON.stringify(stored)).not.toContain(passphrase)

  const ingest = await claimIngest(gateway.url)
  const listeners = async () => (await ingest.report('', [])).srt.map(({ stream_id: id, port }) => [id, port])
  const [known] = (await ingest.report('', [])).srt
  expect(known).toEqual({
    stream_id: first.stream_id,
    port: 20_000,
    passphrase,
    key_hash: hashText(first.stream_key),
  })
  const { json: renewed } = await call('POST', `/${first.stream_id}/key`)
  expect(new URL(renewed.ingest.srt_url).searchParams.get('passphrase')).not.toBe(passphrase)
  await call('PUT', `/${first.stream_id}/end`)
  expect(await listeners()).toEqual([[second.stream_id, 20_001]])
  const { json: fourth } = await create('four')
  expect(new URL(fourth.ingest.srt_url).port).toBe('20000')
  expect(await listeners()).toHaveLength(2)
})

test('broadcasts that are created at the same moment have different ports of SRT', async () => {
  await using gateway = await startTestGateway({ env: { SRT_PORTS: '20000-20003' } })
  const owner = await signUp(gateway.api, 'owner-of-all')
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => gateway.api('POST', '/api/v1/streams', { title: 'By SRT' }, owner.headers)),
  )
  const ports = answers.flatMap(({ json }) =>
    json.ingest.srt_url === undefined ? [] : [new URL(json.ingest.srt_url).port],
  )
  expect(ports.toSorted()).toEqual(['20000', '20001', '20002', '20003'])
})
