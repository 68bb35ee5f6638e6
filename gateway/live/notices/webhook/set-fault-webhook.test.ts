import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../../testing/live-gateway.ts'

const PATH = '/api/v1/notifications/webhook'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway({ env: { ALLOW_PRIVATE_NETWORKS: 'false' } })
})
afterAll(() => gateway[Symbol.asyncDispose]())

let owner: TestUser
let users = 0
beforeEach(async () => {
  owner = await signUp(gateway.api, `owner-${++users}`)
})

const call = (method: string, path = '', body?: unknown, who = owner) =>
  gateway.api(method, PATH + path, body, who.headers)
const set = (url: unknown) => call('PUT', '', { fault_webhook_url: url })

it('the secret of an address for faults is shown when it is made, and never again', async () => {
  expect((await call('GET')).json).toEqual({ fault_webhook_url: null, created_at: null, deliveries: [] })
  const first = await set('https://faults.invalid/faults')
  expect(first.json).toMatchObject({ fault_webhook_url: 'https://faults.invalid/faults' })
  expect(first.json.signing_secret).toMatch(/^[\da-f]{64}$/)
  for (const shown of [await set('https://faults.invalid/others'), await call('GET')]) {
    expect(shown.json).toMatchObject({ fault_webhook_url: 'https://faults.invalid/others' })
    expect(shown.json).not.toHaveProperty('signing_secret')
  }
  const renewed = await call('POST', '/secret')
  expect(renewed.json.signing_secret).toMatch(/^[\da-f]{64}$/)
  expect(renewed.json.signing_secret).not.toBe(first.json.signing_secret)
  expect((await set(null)).json).toMatchObject({ fault_webhook_url: null })
  expect((await set('https://faults.invalid/faults')).json.signing_secret).not.toBe(renewed.json.signing_secret)

  const exported = await gateway.api('GET', '/api/v1/users/me/export', undefined, owner.headers)
  expect(exported.json.fault_webhook_url).toBe('https://faults.invalid/faults')
  expect(exported.text).not.toContain('secret')
  const other = await signUp(gateway.api, 'other-owner')
  expect((await call('GET', '', undefined, other)).json.fault_webhook_url).toBe(null)
})

it.each([
  ['http://127.0.0.1:9/hook', 'points to a private address, which ALLOW_PRIVATE_NETWORKS=false forbids'],
  ['http://10.0.0.1/hook', 'points to a private address, which ALLOW_PRIVATE_NETWORKS=false forbids'],
  ['ftp://faults.invalid/', 'must be an http or https URL'],
  ['https://user:pass@faults.invalid/', 'must not carry credentials'],
  ['here', 'is not a URL'],
  ['', 'must not be empty'],
  [7, 'must be a URL, as a string'],
])('the address %s is refused, and the answer says why', async (url, message) => {
  const refused = await set(url)
  expect([refused.status, refused.json.error.code, refused.json.error.details]).toEqual([
    400,
    'INVALID_URL',
    [{ field: 'fault_webhook_url', message }],
  ])
})

it('a body that names something else, or nothing, is refused', async () => {
  for (const body of [{}, { url: 'https://faults.invalid/' }]) {
    expect((await call('PUT', '', body)).json.error.details).toContainEqual({
      field: 'fault_webhook_url',
      message: 'is required',
    })
  }
})

it('without an address there is nothing to test or to renew, and an address is tested ten times in 15 minutes', async () => {
  for (const path of ['/test', '/secret']) {
    const refused = await call('POST', path)
    expect([refused.status, refused.json.error.code]).toEqual([404, 'WEBHOOK_NOT_FOUND'])
  }
  const ready = await signUp(gateway.api, 'tester')
  await call('PUT', '', { fault_webhook_url: 'https://faults.invalid/faults' }, ready)
  for (let i = 0; i < 10; i++) expect((await call('POST', '/test', undefined, ready)).status).toBe(202)
  const limited = await call('POST', '/test', undefined, ready)
  expect([limited.status, limited.json.error.code]).toEqual([429, 'WEBHOOK_LIMITED'])
  expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
})
