import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'

import { openEventSource } from '../testing/event-source.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'
import { startTestGateway, type TestGateway } from '../testing/test-gateway.ts'
import { toProgressFrame, type ProgressSubscribers } from './progress-subscribers.ts'
import { streamJob } from './stream-job.ts'

type AnyGateway = Pick<TestGateway, 'api' | 'database' | 'url'>

const OUTPUT = { output_url: 'http://media/x.mp4', output_type: 'single', files_uploaded: 1, bytes: 9 }
const MEDIA = { format: 'mp4', duration_sec: 2, size_bytes: 9, bit_rate_kbps: 1, video: null, audio: null }

/** Creates a job and waits until its worker is launched; the test publishes all further progress. */
async function startJob(gateway: AnyGateway): Promise<string> {
  const output = { storage: 's3', path: `${crypto.randomUUID()}.mp4` }
  const body = { input_url: 'http://127.0.0.1:9/in.mp4', preset: '720p_h264', output }
  const { json } = await gateway.api('POST', '/api/v1/jobs', body)
  const status = async () => (await gateway.api('GET', `/api/v1/jobs/${json.job_id}`)).json.status
  await expect.poll(status).toBe('processing')
  return json.job_id
}

/** Changes a job and publishes that as another gateway would; returns the number of the event. */
async function publish({ database }: AnyGateway, id: string, progress: number, isLast = false): Promise<number> {
  const end = isLast ? { status: 'completed', progress: 100, ...OUTPUT, media_info: MEDIA } : {}
  return database.sql.begin(async (tx) => {
    const [row] = await tx`
      update jobs set progress = ${progress}, last_seq = last_seq + 1, message = 'encoding', updated_at = now()
      where id = ${id} returning last_seq, status, updated_at`
    const told = { job_id: id, status: row?.['status'], progress, message: 'encoding', timestamp: row?.['updated_at'] }
    if (isLast) {
      await tx`
        update jobs set status = 'completed', progress = 100, ended_at = now(), output = ${JSON.stringify(OUTPUT)}::json,
          media_info = ${JSON.stringify(MEDIA)}::json where id = ${id}`
      await tx`update assignments set ended_at = now() where id = ${id}`
      await tx`update job_tasks set status = 'ended' where job_id = ${id}`
    }
    const seq = Number(row?.['last_seq'])
    await tx`insert into job_updates (job_id, seq, body) values (${id}, ${seq}, ${JSON.stringify({ ...told, ...end })}::json)`
    return seq
  })
}

const follow = (gateway: AnyGateway, id: string, after?: string | number) =>
  openEventSource(
    `${gateway.url}/api/v1/jobs/${id}/stream`,
    after === undefined ? {} : { 'last-event-id': String(after) },
  )

describe.each(RUNTIMES)('the stream of a job on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime, { MAX_ENCODE_WORKERS: '50' })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it('begins with the current state, continues with each event, and ends after the last one, which has the result', async () => {
    const id = await startJob(gateway)
    using reader = await follow(gateway, id)
    expect(reader.status).toBe(200)
    expect(reader.headers.get('content-type')).toBe('text/event-stream')
    expect(reader.headers.get('cache-control')).toContain('no-store')
    await expect.poll(() => reader.events.length).toBe(1)
    const [first] = reader.events
    expect(first).toMatchObject({ event: 'progress', data: { job_id: id, status: 'processing', progress: 0 } })
    expect(reader.otherBlocks).toContain('retry: 1000')
    for (const progress of [10, 55]) await publish(gateway, id, progress)
    await expect.poll(() => reader.events.length).toBe(3)
    await publish(gateway, id, 100, true)
    await reader.ended
    expect(reader.events.map(({ data }) => data.progress)).toEqual([0, 10, 55, 100])
    expect(reader.events.map((event) => event.id)).toEqual([0, 1, 2, 3].map((more) => (first?.id ?? 0) + more))
    expect(reader.events.at(-1)?.data).toMatchObject({ status: 'completed', ...OUTPUT, media_info: MEDIA })
    expect(Object.keys(first?.data ?? {}).toSorted()).toEqual(['job_id', 'message', 'progress', 'status', 'timestamp'])
  })

  it('sends only the last event after the end of the job, and 204 to a client that has it', async () => {
    const id = await startJob(gateway)
    const last = await publish(gateway, id, 100, true)
    using late = await follow(gateway, id)
    await late.ended
    expect(late.events).toMatchObject([{ id: last, data: { status: 'completed', ...OUTPUT } }])
    using again = await follow(gateway, id, last)
    await again.ended
    expect([again.status, again.events]).toEqual([204, []])
  })

  it('resumes after Last-Event-ID with all events since, in several batches, and then with new ones', async () => {
    const id = await startJob(gateway)
    const from = await publish(gateway, id, 1)
    await gateway.database.sql`
      insert into job_updates (job_id, seq, body)
      select ${id}, ${from}::int + n, json_build_object('job_id', ${id}::text, 'status', 'processing', 'progress', 1)
      from generate_series(1, 450) n`
    await gateway.database.sql`update jobs set last_seq = last_seq + 450 where id = ${id}`
    using reader = await follow(gateway, id, from - 1)
    await expect.poll(() => reader.events.length).toBe(451)
    await publish(gateway, id, 100, true)
    await reader.ended
    expect(reader.events.map((event) => event.id)).toEqual(Array.from({ length: 452 }, (_, i) => from + i))
  })

  it.each(['999999999', '-1', 'x', '1e3', '99999999999999999999'])(
    'ignores a Last-Event-ID that was never sent (%s)',
    async (after) => {
      const id = await startJob(gateway)
      using reader = await follow(gateway, id, after)
      await expect.poll(() => reader.events.length).toBe(1)
      expect(reader.events[0]?.data.status).toBe('processing')
    },
  )

  it('sends all clients the same events, whenever they connect', async () => {
    const id = await startJob(gateway)
    const readers = [await follow(gateway, id)]
    for (let progress = 1; progress <= 12; progress++) {
      const [, reader] = await Promise.all([publish(gateway, id, progress), follow(gateway, id)])
      readers.push(reader)
    }
    await publish(gateway, id, 100, true)
    await Promise.all(readers.map((reader) => reader.ended))
    const whole = readers[0]?.events ?? []
    for (const { events } of readers) {
      expect(events.map((event) => event.id)).toEqual(whole.slice(-events.length).map((event) => event.id))
    }
    expect(whole.map((event) => event.id)).toEqual(whole.map((_, i) => (whole[0]?.id ?? 0) + i))
  })

  it('ends when the job is canceled', async () => {
    const id = await startJob(gateway)
    using reader = await follow(gateway, id)
    await expect.poll(() => reader.events.length).toBe(1)
    await gateway.api('DELETE', `/api/v1/jobs/${id}`)
    await reader.ended
    expect(reader.events.at(-1)?.data.status).toBe('canceled')
  })

  it('answers HEAD with the headers of GET, and opens no stream', async () => {
    const id = await startJob(gateway)
    const answer = await gateway.api('HEAD', `/api/v1/jobs/${id}/stream`)
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
  })
})

test('a client that leaves a gateway on Node leaves no timer and no subscription behind', async () => {
  await using gateway = await startTestGateway()
  const id = await startJob(gateway)
  const subscriptions = countSubscriptions(gateway)
  const readers = await Promise.all(Array.from({ length: 20 }, () => follow(gateway, id)))
  await expect.poll(() => readers.every(({ events }) => events.length === 1)).toBe(true)
  expect(subscriptions()).toBe(1)
  for (const reader of readers) reader.disconnect()
  await expect.poll(subscriptions).toBe(0)
})

/** Returns a function that returns how many subscriptions to topics are open that were made from now on. */
function countSubscriptions({ gateway: { context } }: TestGateway): () => number {
  let open = 0
  const { subscribe } = context.notifier
  Object.assign(context.notifier, {
    subscribe: (topic: string, onNotify: () => void) => {
      open++
      const end = subscribe(topic, onNotify)
      return () => {
        open--
        end()
      }
    },
  })
  return () => open
}

test('a client that leaves a gateway on workerd releases its database connection', async () => {
  await using gateway = await startGatewayOn('workerd')
  const id = await startJob(gateway)
  const connections = async () => {
    const [row] = await gateway.database.sql`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    return row?.['n']
  }
  await expect.poll(connections).toBe(0)
  const reader = await follow(gateway, id)
  await expect.poll(() => reader.events.length).toBe(1)
  expect(await connections()).toBe(1)
  reader.disconnect()
  await expect.poll(connections).toBe(0)
})

test('progress that this gateway publishes is sent at once, without waiting for the next poll', async () => {
  await using gateway = await startTestGateway()
  const id = await startJob(gateway)
  using reader = await follow(gateway, id)
  await expect.poll(() => reader.events.length).toBe(1)
  const gapsMs: number[] = []
  for (let seen = 2; seen <= 7; seen++) {
    const startedMs = performance.now()
    await publish(gateway, id, seen)
    gateway.gateway.context.notifier.notify(id)
    await expect.poll(() => reader.events.length, { interval: 5 }).toBe(seen)
    gapsMs.push(performance.now() - startedMs)
  }
  // Without the notification each would come with the next poll, nearly a second later.
  expect(Math.min(...gapsMs.slice(1))).toBeLessThan(500)
})

test('an event that is published while stored events are read is sent once, after them', async () => {
  await using gateway = await startTestGateway()
  const { context } = gateway.gateway
  const id = await startJob(gateway)
  const known = await publish(gateway, id, 10)
  const frame = (seq: number, status: string) => toProgressFrame({ seq, body: { status } })
  const subscribers: ProgressSubscribers = {
    subscribe(_id, _from, receive) {
      receive([frame(known, 'processing'), frame(known + 1, 'completed')])
      return () => undefined
    },
  }
  const app = new Hono().get('/', (c) => streamJob(context, subscribers, c, id))
  const text = await (await app.request('/', { headers: { 'last-event-id': String(known - 1) } })).text()
  expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq))).toEqual([known, known + 1])
})

test('no client loses events while the database fails: an open stream continues, one that was opened meanwhile resumes', async () => {
  await using gateway = await startTestGateway()
  const { sql } = gateway.database
  const id = await startJob(gateway)
  using waiting = await follow(gateway, id)
  await expect.poll(() => waiting.events.length).toBe(1)
  await sql`alter table job_updates rename to gone`
  gateway.gateway.context.notifier.notify(id)
  using between = await follow(gateway, id)
  await between.ended
  await sql`alter table gone rename to job_updates`
  using resumed = await follow(gateway, id, between.events.at(-1)?.id)
  await publish(gateway, id, 100, true)
  await Promise.all([waiting.ended, resumed.ended])
  expect(between.events).toHaveLength(1)
  expect(resumed.events.map(({ data }) => data.progress)).toEqual([100])
  expect(waiting.events.map(({ data }) => data.progress)).toEqual([0, 100])
})

test('the streams of a gateway that stops end cleanly, and resume at another gateway without a gap', async () => {
  await using other = await startTestGateway()
  const stopping = await startTestGateway({ database: other.database })
  const id = await startJob(other)
  using before = await follow(stopping, id)
  await publish(other, id, 10)
  await expect.poll(() => before.events.length).toBe(2)
  const stopped = stopping[Symbol.asyncDispose]()
  await before.ended
  await publish(other, id, 20)
  using after = await follow(other, id, before.events.at(-1)?.id)
  await publish(other, id, 100, true)
  await Promise.all([after.ended, stopped])
  const ids = [...before.events, ...after.events].map((event) => event.id)
  expect(ids).toEqual(ids.map((_, i) => (ids[0] ?? 0) + i))
  expect(after.events.map(({ data }) => data.progress)).toEqual([20, 100])
})
