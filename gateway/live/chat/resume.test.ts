import { afterAll, beforeAll, expect, it } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { openEventSource, type EventSource } from '../../testing/event-source.ts'
import { startTestGateway, type Json, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'

/** The two streams of server-sent events that have a chat, and the name of their events. */
const STREAMS = [
  { path: '/chat/events', event: 'message' },
  { path: '/events?monitor=', event: 'chat' },
] as const

let gateway: TestGateway
let owner: TestUser
let id: string
beforeAll(async () => {
  gateway = await startTestGateway()
  owner = await signUp(gateway.api, 'broadcaster')
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, owner.headers)
  id = json.stream_id
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Writes a message; one that comes too fast for its user is written a moment later. Returns its number. */
async function say(text: string): Promise<number> {
  let seq: number | undefined
  await until(async () => {
    const { json } = await gateway.api('POST', `/api/v1/streams/${id}/messages`, { text }, owner.headers)
    seq = json.seq
    return seq !== undefined
  }, 'the message is written')
  return seq ?? 0
}

/** Opens a stream; it has the number after which it can be resumed. */
async function open(url: string, path: string, after: string | null = null): Promise<EventSource> {
  const headers: Record<string, string> = after === null ? {} : { 'last-event-id': after }
  const source = await openEventSource(`${url}/api/v1/streams/${id}${path}`, headers)
  await until(() => source.lastId() !== null, 'it knows where it is')
  return source
}

const seqsOf = ({ events }: EventSource, event: string): number[] =>
  events.filter((one) => one.event === event).flatMap(({ data }) => [data].flat().map(({ seq }: Json) => seq))

it.each(STREAMS)(
  'a client of $path whose gateway stops goes on at another one, and misses and doubles no message',
  async ({ path, event }) => {
    const stopping = await startTestGateway({ database: gateway.database })
    using reading = await open(stopping.url, path)
    const first = await say('before')
    await until(() => seqsOf(reading, event).length === 1, 'it has the message')
    using quiet = await open(stopping.url, path)
    await stopping[Symbol.asyncDispose]()
    await Promise.all([reading.ended, quiet.ended])
    const during = await say('meanwhile')
    using readingAgain = await open(gateway.url, path, reading.lastId())
    using quietAgain = await open(gateway.url, path, quiet.lastId())
    const last = await say('after')
    await until(() => [readingAgain, quietAgain].every((one) => seqsOf(one, event).includes(last)), 'both have all')
    expect([...seqsOf(reading, event), ...seqsOf(readingAgain, event)]).toEqual([first, during, last])
    expect([...seqsOf(quiet, event), ...seqsOf(quietAgain, event)]).toEqual([during, last])
  },
)

it('the events of a broadcast end where its chat cannot be read, so that their client resumes it', async () => {
  const { sql } = gateway.database
  using reading = await open(gateway.url, '/events?monitor=')
  await sql`alter table chat_rooms rename to hidden_rooms`
  await reading.ended
  await sql`alter table hidden_rooms rename to chat_rooms`
  const seq = await say('meanwhile')
  using again = await open(gateway.url, '/events?monitor=', reading.lastId())
  await until(() => seqsOf(again, 'chat').includes(seq), 'it has the message')
})
