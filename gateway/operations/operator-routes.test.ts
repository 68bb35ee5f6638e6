import { afterAll, beforeAll, expect, test } from 'vitest'

import { createMemoryLauncher } from '../testing/workers/memory-launcher.ts'
import { startTestGateway, TEST_KEYS, type TestGateway } from '../testing/test-gateway.ts'

let gateway: TestGateway
const launcher = createMemoryLauncher()
const KEY = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }

beforeAll(async () => {
  gateway = await startTestGateway({ launcher })
})
afterAll(() => gateway[Symbol.asyncDispose]())

test.each(['tick', 'reconcile'])('the operator alone may ask to %s', async (what) => {
  const path = `/internal/v1/${what}`
  expect((await gateway.api('POST', path)).status).toBe(401)
  expect((await gateway.api('POST', path, undefined, { 'x-internal-api-key': TEST_KEYS.API_KEY })).status).toBe(401)
  expect(
    (await gateway.api('POST', path, undefined, { authorization: `Bearer ${KEY['x-internal-api-key']}` })).status,
  ).toBe(401)
  expect((await gateway.api('POST', path, undefined, KEY)).status).toBe(200)
})

test('a tick says in how many ms the next is worth while', async () => {
  const { next_in_ms } = (await gateway.api('POST', '/internal/v1/tick', undefined, KEY)).json
  expect(next_in_ms).toBeGreaterThanOrEqual(0)
  expect(next_in_ms).toBeLessThanOrEqual(4000)
})

test('reconciling says what was found and done', async () => {
  await launcher.launch({ name: 'stream-monitor-orphan', kind: 'monitor', assignmentId: 'mon-orphan', env: {} })
  const answer = await gateway.api('POST', '/internal/v1/reconcile', undefined, KEY)
  expect(answer.json).toEqual({ records: 0, workers: 1, found: { orphan: 1 }, left: 0 })
  expect(await launcher.list(AbortSignal.timeout(1000))).toEqual([])
})
