import { afterAll, beforeAll, expect, it } from 'vitest'

import { repeatWhileUnavailable } from '../testing/overload.ts'
import { startTestGateway, type TestGateway } from '../testing/test-gateway.ts'
import { signUp, type TestUser } from './testing/live-gateway.ts'

let gateway: TestGateway
let owner: TestUser
let stream: string
beforeAll(async () => {
  // The defaults of the product.
  const limits = { RATE_LIMIT_WRITES_PER_MIN: '25', RATE_LIMIT_READS_PER_MIN: '100' }
  gateway = await startTestGateway({ env: { ...limits, TRUSTED_PROXIES: '127.0.0.1' } })
  owner = await signUp(gateway.api, 'anna')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  stream = `/api/v1/streams/${json.stream_id}`
})
afterAll(() => gateway[Symbol.asyncDispose]())

const statusesOf = async (count: number, call: (n: number) => Promise<{ readonly status: number }>) =>
  new Set(await Promise.all(Array.from({ length: count }, async (_one, n) => (await call(n)).status)))

it('the visitors behind one address can all open a broadcast', async () => {
  // A busy machine may answer some of so many with 503, which clients repeat.
  const open = (path: string) => () =>
    repeatWhileUnavailable(() => gateway.api('GET', path, undefined, { 'x-api-key': '' }))
  expect(await statusesOf(150, open(stream))).toEqual(new Set([200]))
  expect(await statusesOf(150, open(`${stream}/messages`))).toEqual(new Set([200]))
})

it('searches of the visitors behind one address are limited as other calls', async () => {
  const from = { 'x-forwarded-for': '203.0.113.77' }
  const search = (n: number) => fetch(`${gateway.url}/api/v1/streams?q=show-${n}`, { headers: from })
  expect(await statusesOf(101, search)).toEqual(new Set([200, 429]))
  expect(await statusesOf(1, () => fetch(`${gateway.url}/api/v1/streams`, { headers: from }))).toEqual(new Set([200]))
})

it('chat messages are limited by the chat, not by the calls of a minute', async () => {
  const say = (n: number) => gateway.api('POST', `${stream}/messages`, { text: `message ${n}` }, owner.headers)
  const answers = await Promise.all(Array.from({ length: 40 }, (_one, n) => say(n)))
  const codes = answers.map(({ status, json }) => (status === 201 ? 'written' : json.error.code))
  expect(new Set(codes)).toEqual(new Set(['written', 'CHAT_LIMITED']))
})

it('users behind one address are limited one by one', async () => {
  const other = await signUp(gateway.api, 'bert')
  const read = (headers: Record<string, string>) => () => gateway.api('GET', '/api/v1/users/me', undefined, headers)
  expect(await statusesOf(101, read(owner.headers))).toEqual(new Set([200, 429]))
  expect(await statusesOf(50, read(other.headers))).toEqual(new Set([200]))
})

it('a user has one allowance at all addresses', async () => {
  const user = await signUp(gateway.api, 'carl')
  const read = (n: number) =>
    gateway.api('GET', '/api/v1/users/me', undefined, { ...user.headers, 'x-forwarded-for': `203.0.113.${n % 3}` })
  expect(await statusesOf(101, read)).toEqual(new Set([200, 429]))
})

it('a client has one allowance at all its addresses of IPv6, and its neighbour another one', async () => {
  const read = (address: string) => fetch(`${gateway.url}/api/v1/users/me`, { headers: { 'x-forwarded-for': address } })
  expect(await statusesOf(101, (n) => read(`2001:db8:0:7::${n.toString(16)}`))).toEqual(new Set([401, 429]))
  expect(await statusesOf(1, () => read('2001:db8:0:8::1'))).toEqual(new Set([401]))
})
