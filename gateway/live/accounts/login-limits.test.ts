import { afterAll, beforeAll, expect, it } from 'vitest'

import type { PasswordHasher } from '../../ports/password-hasher.ts'
import { quickHasher, startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp } from '../testing/live-gateway.ts'

let gateway: TestGateway
/** Passwords that were checked. */
let checks = 0
const passwordHasher: PasswordHasher = {
  ...quickHasher,
  verify(...args) {
    checks++
    return quickHasher.verify(...args)
  },
}
beforeAll(async () => {
  const env = { TRUSTED_PROXIES: '127.0.0.1', PUBLIC_URL: 'https://live.example' }
  gateway = await startTestGateway({ env, passwordHasher })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** An account is refused after ten failures from one address. */
const NAMES = ['one-of-five', 'two-of-five', 'three-of-five', 'four-of-five', 'five-of-five']

/** Signs in from an address that a proxy names. */
const logInFrom = (address: string, login: string, password = 'wrong password') =>
  gateway.api('POST', '/api/v1/auth/login', { login, password }, { 'x-forwarded-for': address })

const countOf = (statuses: readonly number[], wanted: number) => statuses.filter((status) => status === wanted).length

it('after 50 failures an address is refused whatever the name, and others are not', async () => {
  for (const name of ['anna', ...NAMES]) await signUp(gateway.api, name)
  const statuses: number[] = []
  for (let i = 0; i < 50; i++) statuses.push((await logInFrom('203.0.113.7', NAMES[i % 5] ?? '')).status)
  expect(countOf(statuses, 401)).toBe(50)
  const refused = await logInFrom('203.0.113.7', 'anna', 'correct horse battery')
  expect([refused.status, refused.json.error.code]).toEqual([429, 'LOGIN_LIMITED'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  const answer = await logInFrom('203.0.113.8', 'anna', 'correct horse battery')
  expect(answer.status).toBe(200)
  // Browsers reach it by https.
  expect(answer.headers.get('set-cookie')).toContain('; Secure')
})

it('after 50 failures from addresses of one network of IPv6, all of them are refused', async () => {
  const statuses: number[] = []
  for (let i = 0; i < 51; i++) statuses.push((await logInFrom(`2001:db8:7::${i}`, NAMES[i % 5] ?? '')).status)
  expect([countOf(statuses, 401), statuses.at(-1)]).toEqual([50, 429])
  expect((await logInFrom('2001:db8:7:1::1', NAMES[0] ?? '')).status).toBe(401)
})

it('after 100 failures from many addresses an account is refused from each, and others are not', async () => {
  await signUp(gateway.api, 'bert')
  await signUp(gateway.api, 'carol')
  const statuses: number[] = []
  for (let i = 0; i < 101; i++) statuses.push((await logInFrom(`198.51.100.${Math.floor(i / 5)}`, 'bert')).status)
  expect([countOf(statuses, 401), countOf(statuses, 429)]).toEqual([100, 1])
  expect((await logInFrom('192.0.2.1', 'bert', 'correct horse battery')).status).toBe(429)
  expect((await logInFrom('192.0.2.1', 'carol', 'correct horse battery')).status).toBe(200)
})

it('refused attempts do not count as failures: one address cannot lock a user out at other addresses', async () => {
  await signUp(gateway.api, 'erna')
  const statuses: number[] = []
  for (let i = 0; i < 120; i++) statuses.push((await logInFrom('192.0.2.20', 'erna')).status)
  expect([countOf(statuses, 401), countOf(statuses, 429)]).toEqual([10, 110])
  expect((await logInFrom('192.0.2.21', 'erna', 'correct horse battery')).status).toBe(200)
})

it('many sign-ins at once with the right password do not lock the user out, although some are refused', async () => {
  await signUp(gateway.api, 'fred')
  const logIn = () => logInFrom('192.0.2.30', 'fred', 'correct horse battery')
  const answers = await Promise.all(Array.from({ length: 40 }, logIn))
  expect(answers.filter(({ status }) => status === 401)).toEqual([])
  expect((await logIn()).status).toBe(200)
})

it('a name that is unknown costs the check of one password, as one that is known', async () => {
  await signUp(gateway.api, 'dora')
  for (const login of ['dora', 'unknown-name', 'unknown@example.org']) {
    checks = 0
    await logInFrom('192.0.2.10', login)
    expect(checks).toBe(1)
  }
})
