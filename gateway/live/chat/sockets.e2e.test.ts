import { connect } from 'node:net'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { openChatClient, type ChatClient } from './testing/chat-client.ts'

/** Users who write in each burst; each burst has its own. */
const SENDERS = 10
const BURSTS = 3
const READERS = 60
/** Messages that one user may write at once. */
const BURST = 5

let first: TestGateway
let second: TestGateway
let owner: TestUser
let users: readonly TestUser[] = []
beforeAll(async () => {
  first = await startTestGateway()
  second = await startTestGateway({ database: first.database })
  users = await Promise.all(Array.from({ length: SENDERS * BURSTS }, (_one, i) => signUp(first.api, `sender-${i}`)))
  owner = await signUp(first.api, 'owner-of-all')
})
afterAll(async () => {
  await second[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
})

const urlOf = (i: number) => (i % 2 === 0 ? first : second).url

async function createStream(more: object = {}): Promise<string> {
  const answer = await first.api('POST', '/api/v1/streams', { title: 'A show', ...more }, owner.headers)
  return answer.json.stream_id
}

it('all readers of two gateways get all messages in one order, once, also those that were cut and came back', async () => {
  const id = await createStream()
  const senders = await Promise.all(users.map((user, i) => openChatClient(urlOf(i), id, user)))
  const readers = await Promise.all(Array.from({ length: READERS }, (_one, i) => openReader(id, i)))
  const cut = readers.filter((_one, i) => i % 3 === 0)
  await sayBurst(senders, 0)
  await until(() => readers.every(({ seen }) => seen().length > 0), 'all have something')
  for (const { client } of cut) client().cut()
  await sayBurst(senders, 1)
  await Promise.all([sayBurst(senders, 2), ...cut.map(({ comeBack }) => comeBack())])
  const count = BURSTS * SENDERS * BURST
  await until(() => readers.every(({ seen }) => seen().at(-1)?.seq === count), 'all have the last message')
  const [one] = readers
  expect(one?.seen().map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_one, i) => i + 1))
  expect(new Set(one?.seen().map(({ text }) => text)).size).toBe(count)
  for (const { seen } of readers) expect(seen()).toEqual(one?.seen())
  for (const client of [...senders, ...readers.map((reader) => reader.client())]) client[Symbol.dispose]()
})

/** A reader that may lose its connection, and goes on at the other gateway after what it has seen. */
async function openReader(id: string, i: number) {
  let client = await openChatClient(urlOf(i), id)
  const before: Json[] = []
  return {
    client: () => client,
    seen: (): Json[] => [...before, ...client.entries],
    async comeBack() {
      before.push(...client.entries)
      client = await openChatClient(urlOf(i + 1), id, { from: before.at(-1).seq })
    },
  }
}

/** Lets senders write what may be written at once, and waits for the answers. */
async function sayBurst(senders: readonly ChatClient[], burst: number): Promise<void> {
  const writing = senders.slice(burst * SENDERS, (burst + 1) * SENDERS)
  for (let n = 0; n < BURST; n++) {
    for (const [i, sender] of writing.entries()) sender.say(`${burst}/${i}/${n}`, `nonce-${n}`)
  }
  await until(() => writing.every(({ answers }) => answers.length === BURST), 'all is answered')
}

it('a message that is sent again after a cut is written once, and acknowledged again', async () => {
  const id = await createStream()
  using reader = await openChatClient(urlOf(0), id)
  const lost = await openChatClient(urlOf(0), id, owner)
  lost.say('once', 'same')
  await until(() => lost.answers.length > 0, 'it is acknowledged')
  lost.cut()
  using again = await openChatClient(urlOf(1), id, { ...owner, from: 1 })
  again.say('once', 'same')
  await until(() => again.answers.length > 0, 'it is acknowledged again')
  expect(again.answers).toEqual(lost.answers)
  again.say('next', 'next')
  await until(() => reader.entries.length === 2 && again.entries.length === 1, 'the next message is there')
  expect(reader.entries.map(({ text }) => text)).toEqual(['once', 'next'])
})

it('a socket answers what is wrong, needs a session to write, and closes under a flood', async () => {
  const id = await createStream()
  using client = await openChatClient(urlOf(0), id, owner)
  using stranger = await openChatClient(urlOf(0), id)
  const codesOf = ({ answers }: ChatClient) => answers.map(({ code }: Json) => code)
  for (const text of ['no json', '[]', '{"type":"message","text":""}']) client.sendText(text)
  stranger.say('hello', 'a')
  await until(() => client.answers.length === 3 && stranger.answers.length === 1, 'all is answered')
  expect(codesOf(client)).toEqual(['INVALID_CONFIG', 'INVALID_CONFIG', 'INVALID_CONFIG'])
  expect(codesOf(stranger)).toEqual(['UNAUTHORIZED'])
  for (let i = 0; i < 8; i++) client.say(`${i}`, `n${i}`)
  await until(() => client.answers.length === 11, 'all is answered')
  expect(codesOf(client).filter((code) => code === 'CHAT_LIMITED')).toHaveLength(3)
  for (let i = 0; i < 100; i++) client.sendText('')
  await until(() => client.closed() !== null, 'it is closed')
  expect(client.closed()?.code).toBe(1008)
})

it('sockets close when their session ends, when the broadcast is private, and when it ends', async () => {
  const id = await createStream()
  const { api } = first
  const leaving = await signUp(api, 'leaving')
  using signedIn = await openChatClient(urlOf(1), id, leaving)
  using viewer = await openChatClient(urlOf(1), id)
  using own = await openChatClient(urlOf(1), id, owner)
  await api('POST', '/api/v1/auth/logout', undefined, leaving.headers)
  await until(() => signedIn.closed() !== null, 'the socket of the session is closed')
  expect(signedIn.closed()?.code).toBe(4401)
  await api('PATCH', `/api/v1/streams/${id}`, { visibility: 'private' }, owner.headers)
  await until(() => viewer.closed() !== null, 'the socket of the viewer is closed')
  expect(viewer.closed()?.code).toBe(4404)
  await api('PUT', `/api/v1/streams/${id}/end`, undefined, owner.headers)
  await until(() => own.closed() !== null, 'the socket of the owner is closed')
  expect([own.closed()?.code, own.answers]).toEqual([1000, [{ type: 'end' }]])
})

it('a page of another site cannot connect, and what is no chat is refused before the upgrade', async () => {
  const id = await createStream()
  const hidden = await createStream({ visibility: 'private' })
  const origin = { origin: 'https://elsewhere.example.com' }
  await expect(openChatClient(urlOf(0), id, { headers: origin })).rejects.toThrow('403')
  await expect(openChatClient(urlOf(0), hidden)).rejects.toThrow('404')
  await expect(openChatClient(urlOf(0), 'nothing')).rejects.toThrow('404')
  using own = await openChatClient(urlOf(0), id, { headers: { origin: urlOf(0) } })
  expect(own.closed()).toBeNull()
})

it('a request whose upgrade a proxy took away is answered with server-sent events', async () => {
  const id = await createStream()
  const { hostname, port } = new URL(urlOf(0))
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (data) => (answer += String(data)))
  socket.write(`GET /api/v1/streams/${id}/chat HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n`)
  await until(() => answer.startsWith('HTTP/1.1 200') && answer.includes('text/event-stream'), 'it is answered')
  socket.destroy()
})

it('a reader that takes nothing is dropped, while another one gets everything', async () => {
  const id = await createStream()
  using stopped = await openChatClient(urlOf(0), id)
  using quick = await openChatClient(urlOf(0), id)
  stopped.pause(true)
  const { sql } = first.database
  await first.api('POST', `/api/v1/streams/${id}/messages`, { text: 'first' }, owner.headers)
  // Far more than fits into the buffers of the network, as rows of a busy chat.
  const batch = 500
  let last = 1
  await until(async () => {
    if (quick.entries.length < last - batch) return false
    await sql`
      insert into chat_entries (stream_id, seq, entry_id, kind, user_id, role, text, created_at)
      select ${id}, n, gen_random_uuid(), 'message', ${owner.user.user_id}, 'viewer', repeat('あ', 500), clock_timestamp()
      from generate_series(${last + 1}::int, ${last + batch}::int) n`
    last += batch
    await sql`update chat_rooms set last_seq = ${last} where stream_id = ${id}`
    await sql`select pg_notify('tallylight_topics', ${`chat/${id}`})`
    return last > 12_000
  }, 'enough is written')
  await until(() => quick.entries.length === last, 'the quick reader has all')
  stopped.pause(false)
  await until(() => stopped.closed() !== null, 'the stopped reader is dropped')
  expect(stopped.closed()?.code).toBe(1006)
  expect(stopped.entries.length).toBeLessThan(last)
})

it('a gateway answers requests for other protocols as usual, and closes its sockets at its end', async () => {
  const id = await createStream()
  const other = await startTestGateway({ database: first.database })
  using client = await openChatClient(other.url, id)
  const socket = connect(Number(new URL(other.url).port), '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => (answer += String(data)))
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n')
  await until(() => answer.startsWith('HTTP/1.1 200'), 'it is answered')
  socket.destroy()
  await other[Symbol.asyncDispose]()
  await until(() => client.closed() !== null, 'the socket is closed')
  expect(client.closed()?.code).toBe(1012)
})
