import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'

import { openEventSource } from '../testing/event-source.ts'
import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'
import { startTestGateway, TEST_SETTINGS, type TestGateway } from '../testing/test-gateway.ts'
import { toFrame, type Followers } from './followers.ts'
import { streamJob } from './stream-job.ts'

type AnyGateway = Pick<TestGateway, 'api' | 'database' | 'url'>

const OUTPUT = { output_url: 'http://media/x.mp4', output_type: 'single', files_uploaded: 1, bytes: 9 }
const MEDIA = { format: 'mp4', duration_sec: 2, size_bytes: 9, bit_rate_kbps: 1, video: null, audio: null }

/** A job that a worker was started for, and of which nothing more will be told but by the test. */
async function startJob(gateway: AnyGateway): Promise<string> {
  const output = { storage: 's3', path: `${crypto.randomUUID()}.mp4` }
  const body = { input_url: 'http://127.0.0.1:9/in.mp4', preset: '720p_h264', output }
  const { json } = await gateway.api('POST', '/api/v1/jobs', body)
  const status = async () => (await gateway.api('GET', `/api/v1/jobs/${json.job_id}`)).json.status
  await expect.poll(status, { timeout: 10_000 }).toBe('processing')
  return json.job_id
}

/** What another gateway does when a worker reports to it. Gives the update's number. */
async function tell({ database }: AnyGateway, id: string, progress: number, isLast = false): Promise<number> {
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
    gateway = await startGatewayOn(runtime, { jobs: { ...TEST_SETTINGS.jobs, maxWorkers: 50 } })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it('begins with the present state, goes on with each update, and ends after the last, which says what came of it', async () => {
    const id = await startJob(gateway)
    using reader = await follow(gateway, id)
    expect(reader.status).toBe(200)
    expect(reader.headers.get('content-type')).toBe('text/event-stream')
    expect(reader.headers.get('cache-control')).toContain('no-store')
    await expect.poll(() => reader.events.length).toBe(1)
    const [first] = reader.events
    expect(first).toMatchObject({ event: 'progress', data: { job_id: id, status: 'processing', progress: 0 } })
    expect(reader.others).toContain('retry: 1000')
    for (const progress of [10, 55]) await tell(gateway, id, progress)
    await expect.poll(() => reader.events.length, { timeout: 5000 }).toBe(3)
    await tell(gateway, id, 100, true)
    await reader.ended
    expect(reader.events.map(({ data }) => data.progress)).toEqual([0, 10, 55, 100])
    expect(reader.events.map((event) => event.id)).toEqual([0, 1, 2, 3].map((more) => (first?.id ?? 0) + more))
    expect(reader.events.at(-1)?.data).toMatchObject({ status: 'completed', ...OUTPUT, media_info: MEDIA })
    expect(Object.keys(first?.data ?? {}).toSorted()).toEqual(['job_id', 'message', 'progress', 'status', 'timestamp'])
  })

  it('shows one that comes after the end the end alone, and tells one that has seen it to stay away', async () => {
    const id = await startJob(gateway)
    const last = await tell(gateway, id, 100, true)
    using late = await follow(gateway, id)
    await late.ended
    expect(late.events).toMatchObject([{ id: last, data: { status: 'completed', ...OUTPUT } }])
    using again = await follow(gateway, id, last)
    await again.ended
    expect([again.status, again.events]).toEqual([204, []])
  })

  it('resumes after Last-Event-ID with all that was told since, however much, and then what comes', async () => {
    const id = await startJob(gateway)
    const from = await tell(gateway, id, 1)
    await gateway.database.sql`
      insert into job_updates (job_id, seq, body)
      select ${id}, ${from}::int + n, json_build_object('job_id', ${id}::text, 'status', 'processing', 'progress', 1)
      from generate_series(1, 450) n`
    await gateway.database.sql`update jobs set last_seq = last_seq + 450 where id = ${id}`
    using reader = await follow(gateway, id, from - 1)
    await expect.poll(() => reader.events.length, { timeout: 10_000 }).toBe(451)
    await tell(gateway, id, 100, true)
    await reader.ended
    expect(reader.events.map((event) => event.id)).toEqual(Array.from({ length: 452 }, (_, i) => from + i))
  })

  it.each(['999999999', '-1', 'x', '1e3', '99999999999999999999'])(
    'takes a Last-Event-ID that was never given (%s) for none',
    async (after) => {
      const id = await startJob(gateway)
      using reader = await follow(gateway, id, after)
      await expect.poll(() => reader.events.length).toBe(1)
      expect(reader.events[0]?.data.status).toBe('processing')
    },
  )

  it('tells all of its readers the same, whenever they came', async () => {
    const id = await startJob(gateway)
    const readers = [await follow(gateway, id)]
    for (let progress = 1; progress <= 12; progress++) {
      const [, reader] = await Promise.all([tell(gateway, id, progress), follow(gateway, id)])
      readers.push(reader)
    }
    await tell(gateway, id, 100, true)
    await Promise.all(readers.map((reader) => reader.ended))
    const whole = readers[0]?.events ?? []
    for (const { events } of readers) {
      expect(events.map((event) => event.id)).toEqual(whole.slice(-events.length).map((event) => event.id))
    }
    expect(whole.map((event) => event.id)).toEqual(whole.map((_, i) => (whole[0]?.id ?? 0) + i))
  })

  it('ends on cancellation', async () => {
    const id = await startJob(gateway)
    using reader = await follow(gateway, id)
    await expect.poll(() => reader.events.length).toBe(1)
    await gateway.api('DELETE', `/api/v1/jobs/${id}`)
    await reader.ended
    expect(reader.events.at(-1)?.data.status).toBe('canceled')
  })

  it('answers HEAD with what GET would begin with, and has nobody to follow it for', async () => {
    const id = await startJob(gateway)
    const answer = await gateway.api('HEAD', `/api/v1/jobs/${id}/stream`)
    expect([answer.status, answer.text]).toEqual([200, ''])
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
  })
})

test('a reader who leaves a gateway on Node leaves no timer and no listener behind', async () => {
  await using gateway = await startTestGateway()
  const id = await startJob(gateway)
  const listeners = countListeners(gateway)
  const readers = await Promise.all(Array.from({ length: 20 }, () => follow(gateway, id)))
  await expect.poll(() => readers.every(({ events }) => events.length === 1)).toBe(true)
  expect(listeners()).toBe(1)
  for (const reader of readers) reader.leave()
  await expect.poll(listeners).toBe(0)
})

/** How many topics of the gateway's feed are listened to from now on. */
function countListeners({ gateway: { context } }: TestGateway): () => number {
  let open = 0
  const { listen } = context.feed
  Object.assign(context.feed, {
    listen: (topic: string, wake: () => void) => {
      open++
      const end = listen(topic, wake)
      return () => {
        open--
        end()
      }
    },
  })
  return () => open
}

test('a reader who leaves a gateway on workerd gives its database connection back', async () => {
  await using gateway = await startGatewayOn('workerd')
  const id = await startJob(gateway)
  const connections = async () => {
    const [row] = await gateway.database.sql`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    return row?.['n']
  }
  await expect.poll(connections, { timeout: 20_000 }).toBe(0)
  const reader = await follow(gateway, id)
  await expect.poll(() => reader.events.length).toBe(1)
  expect(await connections()).toBe(1)
  reader.leave()
  await expect.poll(connections, { timeout: 10_000 }).toBe(0)
})

test('an update that this gateway takes itself is told at once, and not when it next looks', async () => {
  await using gateway = await startTestGateway()
  const id = await startJob(gateway)
  using reader = await follow(gateway, id)
  await expect.poll(() => reader.events.length).toBe(1)
  const startedMs = performance.now()
  for (let seen = 2; seen <= 7; seen++) {
    await tell(gateway, id, seen)
    gateway.gateway.context.feed.ring(id)
    await expect.poll(() => reader.events.length, { interval: 5 }).toBe(seen)
  }
  // Without the bell each would come at the next look, a second later.
  expect(performance.now() - startedMs).toBeLessThan(4500)
})

test('what is told while a reader is still shown what was told before comes after it, once', async () => {
  await using gateway = await startTestGateway()
  const { context } = gateway.gateway
  const id = await startJob(gateway)
  const known = await tell(gateway, id, 10)
  const told = (seq: number, status: string) => toFrame({ seq, body: { status } })
  const followers: Followers = {
    join(_id, _from, take) {
      take([told(known, 'processing'), told(known + 1, 'completed')])
      return () => undefined
    },
  }
  const app = new Hono().get('/', (c) => streamJob(context, followers, c, id))
  const text = await (await app.request('/', { headers: { 'last-event-id': String(known - 1) } })).text()
  expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq))).toEqual([known, known + 1])
})

test('a database that fails costs no follower anything: one that waits goes on, one that comes in between resumes', async () => {
  await using gateway = await startTestGateway()
  const { sql } = gateway.database
  const id = await startJob(gateway)
  using waiting = await follow(gateway, id)
  await expect.poll(() => waiting.events.length).toBe(1)
  await sql`alter table job_updates rename to gone`
  gateway.gateway.context.feed.ring(id)
  using between = await follow(gateway, id)
  await between.ended
  await sql`alter table gone rename to job_updates`
  using resumed = await follow(gateway, id, between.events.at(-1)?.id)
  await tell(gateway, id, 100, true)
  await Promise.all([waiting.ended, resumed.ended])
  expect(between.events).toHaveLength(1)
  expect(resumed.events.map(({ data }) => data.progress)).toEqual([100])
  expect(waiting.events.map(({ data }) => data.progress)).toEqual([0, 100])
})

test('the streams of a gateway that stops end cleanly, and resume at another without a gap', async () => {
  await using other = await startTestGateway()
  const stopping = await startTestGateway({ database: other.database })
  const id = await startJob(other)
  using before = await follow(stopping, id)
  await tell(other, id, 10)
  await expect.poll(() => before.events.length, { timeout: 5000 }).toBe(2)
  const stopped = stopping[Symbol.asyncDispose]()
  await before.ended
  await tell(other, id, 20)
  using after = await follow(other, id, before.events.at(-1)?.id)
  await tell(other, id, 100, true)
  await Promise.all([after.ended, stopped])
  const ids = [...before.events, ...after.events].map((event) => event.id)
  expect(ids).toEqual(ids.map((_, i) => (ids[0] ?? 0) + i))
  expect(after.events.map(({ data }) => data.progress)).toEqual([20, 100])
})
