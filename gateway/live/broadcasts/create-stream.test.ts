import { expect, test } from 'vitest'

import { hashText } from '../../../shared/net/hash.ts'
import { startGatewayOn } from '../../testing/runtimes.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'

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
