import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from './testing/live-gateway.ts'

let gateway: TestGateway
let anna: TestUser
let bert: TestUser
beforeAll(async () => {
  // The defaults of the product.
  const limits = { RATE_LIMIT_WRITES_PER_MIN: '25', RATE_LIMIT_READS_PER_MIN: '100' }
  gateway = await startTestGateway({ env: { ...limits, TRUSTED_PROXIES: '127.0.0.1' } })
  anna = await signUp(gateway.api, 'anna')
  bert = await signUp(gateway.api, 'bert')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const SCHOOL = '203.0.113.7'

/** Sends a form of the pages, from an address that a proxy names. */
async function submit(path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams(form)
  const init = { method: 'POST', body, headers: { 'x-forwarded-for': SCHOOL, ...headers }, redirect: 'manual' } as const
  const answer = await fetch(gateway.url + path, init)
  await answer.body?.cancel()
  return answer.status
}

const countsOf = (statuses: readonly number[]) =>
  Object.fromEntries([...new Set(statuses)].map((one) => [one, statuses.filter((other) => other === one).length]))

/** Returns how many of some calls at once had which status. */
async function statusesOf(count: number, call: (n: number) => Promise<number>): Promise<Record<string, number>> {
  return countsOf(await Promise.all(Array.from({ length: count }, (_one, n) => call(n))))
}

/** Returns how many of some calls had which status, one after the other: few passwords wait to be hashed. */
async function statusesInTurn(count: number, call: (n: number) => Promise<number>): Promise<Record<string, number>> {
  const statuses: number[] = []
  for (let n = 0; n < count; n++) statuses.push(await call(n))
  return countsOf(statuses)
}

it('the visitors behind one address can all open pages, and sign in', async () => {
  const open = async (path: string) => {
    const answer = await fetch(gateway.url + path, { headers: { 'x-forwarded-for': SCHOOL } })
    await answer.body?.cancel()
    return answer.status
  }
  expect(await statusesInTurn(110, () => open('/register'))).toEqual({ 200: 110 })
  expect(await statusesInTurn(30, () => open('/'))).toEqual({ 200: 30 })
  const login = { login: 'anna', password: 'correct horse battery' }
  expect(await statusesInTurn(40, () => submit('/sign-in', login))).toEqual({ 303: 40 })
})

it('forms of a signed-in user are limited by the user, and those of others are not', async () => {
  const submitAs = (user: TestUser) => submit('/settings', { form: 'none' }, { cookie: cookieOf(user) })
  expect(await statusesOf(30, () => submitAs(anna))).toEqual({ 303: 25, 429: 5 })
  const elsewhere = { cookie: cookieOf(anna), 'x-forwarded-for': '198.51.100.1' }
  expect(await submit('/settings', { form: 'none' }, elsewhere)).toBe(429)
  expect(await submitAs(bert)).toBe(303)
})

it('forms without a session are limited by the address', async () => {
  const from = '203.0.113.8'
  const signOut = () => submit('/sign-out', {}, { 'x-forwarded-for': from })
  expect(await statusesOf(510, signOut)).toEqual({ 303: 500, 429: 10 })
  expect(await submit('/sign-out', {})).toBe(303)
})

it('an address registers a hundred accounts an hour, by the pages and the API together, and others go on', async () => {
  const from = '203.0.113.9'
  const accountOf = (name: string) => ({
    username: name,
    email: `${name}@example.org`,
    password: 'correct horse battery',
  })
  const register = (name: string, address: string) =>
    submit('/register', accountOf(name), { 'x-forwarded-for': address })
  const statuses = await statusesInTurn(105, (n) => register(`pupil-${n}`, from))
  expect(statuses).toEqual({ 303: 100, 429: 5 })
  const refused = await gateway.api('POST', '/api/v1/auth/register', accountOf('one-more'), { 'x-forwarded-for': from })
  expect([refused.status, refused.json.error.code]).toEqual([429, 'RATE_LIMIT_EXCEEDED'])
  expect(refused.json.error.message).toContain('registered from this address')
  expect(await register('elsewhere', '203.0.113.10')).toBe(303)
})
