import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FaultyResponse } from '../shared/testing/local-server.ts'
import { startEdgeGateway, type EdgeGateway } from './testing/edge/edge-gateway.ts'
import { startReceiver, type Receiver } from './testing/receiver.ts'
import { buildEvent, buildReport } from './testing/workers/monitor-reports.ts'
import { createTestDatabase } from './testing/test-database.ts'
import { TEST_KEYS } from './testing/test-gateway.ts'

/** Longer than all other work takes. Only tests fire the cron trigger, so all other work happens without it. */
const SLOW_MS = 1000
const failingSlowly = () => delay(SLOW_MS, 503)

const OPERATOR = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }

describe('a gateway on the edge', () => {
  let gateway: EdgeGateway
  let receiver: Receiver
  const refusals: (() => Promise<FaultyResponse>)[] = []
  let streams = 0
  beforeAll(async () => {
    receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY, async () => refusals.shift()?.() ?? 204)
    gateway = await startEdgeGateway()
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await receiver[Symbol.asyncDispose]()
  })

  async function createMonitor(config: object = {}): Promise<string> {
    streams += 1
    const stream_url = `http://127.0.0.1:9/edge-${streams}.m3u8`
    const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: receiver.url, config })
    expect(made.status).toBe(201)
    return made.json.monitor_id
  }
  const claim = (id: string) =>
    gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: randomUUID() })
  const report = (id: string, body: object) => gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, body)
  const podOf = (id: string) => `stream-monitor-${id}`
  const openConnections = async () =>
    (await gateway.database.sql`select from pg_stat_activity where application_name = 'tallylight-edge'`).length

  it('launches the worker of a new monitor, and stops that of a stopped one, without a cron trigger', async () => {
    const id = await createMonitor()
    await expect.poll(() => gateway.workers()).toContain(podOf(id))
    await gateway.api('DELETE', `/api/v1/monitors/${id}`)
    await expect.poll(() => gateway.workers()).not.toContain(podOf(id))
  })

  it('delivers a webhook, and retries it when due, without a cron trigger', async () => {
    const id = await createMonitor()
    await claim(id)
    refusals.push(async () => 500, failingSlowly)
    await report(id, buildReport(1, 1, { events: [buildEvent('stream.started')] }))
    const attempts = () => receiver.deliveries.filter(({ payload }) => payload.monitor_id === id)
    await expect.poll(() => attempts().length).toBe(3)
    const [first = 0, second = 0, third = 0] = attempts().map(({ atMs }) => atMs)
    expect(second - first).toBeGreaterThan(900)
    expect(third - second - SLOW_MS).toBeGreaterThan(1900)
    expect(attempts().every(({ verdict }) => verdict === 'valid')).toBe(true)
  })

  it.each([
    ['a cron trigger', () => gateway.triggerCron()],
    ['the tick route', () => gateway.api('POST', '/internal/v1/tick', undefined, OPERATOR)],
  ])('completes all due work after %s', async (_who, tick) => {
    const { sql } = gateway.database
    const scheduled = await createMonitor({ scheduled_start_time: new Date(Date.now() + 3_600_000).toISOString() })
    await sql`update monitors set start_at = now() where id = ${scheduled}`
    const id = await createMonitor()
    await claim(id)
    await report(id, buildReport(1, 1, { events: [buildEvent('stream.started')] }))
    const delivered = async () =>
      (await sql`select status, attempts from outbox_events where subject = ${id}`).map((row) => ({ ...row }))
    await expect.poll(delivered).toEqual([{ status: 'delivered', attempts: 1 }])
    await expect.poll(openConnections).toBe(0)
    refusals.push(() => delay(SLOW_MS, 204))
    await sql`update outbox_events set status = 'pending' where subject = ${id}`
    await sql`update outbox_lanes set pending = 1, due_at = now() where subject = ${id}`
    await tick()
    await expect.poll(() => gateway.workers()).toContain(podOf(scheduled))
    await expect.poll(delivered).toEqual([{ status: 'delivered', attempts: 2 }])
  })

  it('closes its database connections after each request', async () => {
    await Promise.all(Array.from({ length: 5 }, () => gateway.api('GET', '/api/v1/monitors')))
    await expect.poll(openConnections).toBe(0)
  })

  it('serves /docs without assets from a disk, with a link to the API description', async () => {
    expect((await gateway.api('GET', '/docs')).text).toContain('<a href="openapi.json">')
    expect((await gateway.api('GET', '/docs/assets/swagger-ui.css')).status).toBe(404)
  })

  it('is not ready until all its migrations are applied, and names the migration job', async () => {
    const { sql } = gateway.database
    expect((await gateway.api('GET', '/readyz')).json).toEqual({
      status: 'ready',
      checks: { database: 'ok', launcher: 'ok' },
    })
    const [newest] = await sql`
      delete from drizzle.__drizzle_migrations
      where created_at = (select max(created_at) from drizzle.__drizzle_migrations) returning *`
    const notReady = { status: 'not_ready', checks: { database: expect.stringContaining('run the migration job') } }
    expect((await gateway.api('GET', '/readyz')).json).toMatchObject(notReady)
    await sql`alter schema drizzle rename to elsewhere`
    expect((await gateway.api('GET', '/readyz')).json).toMatchObject(notReady)
    await sql`alter schema elsewhere rename to drizzle`
    await sql`insert into drizzle.__drizzle_migrations ${sql({ ...newest })}`
    expect((await gateway.api('GET', '/readyz')).status).toBe(200)
  })

  it('logs no error in all these tests', () => {
    expect(gateway.errors).toEqual([])
  })
})

describe('without its database', () => {
  it.each([
    ['refuses connections', true],
    ['never answers', false],
  ])('an edge gateway whose database %s answers 503', async (_how, isClosed) => {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    if (isClosed) await new Promise((resolve) => server.close(resolve))
    await using gateway = await startEdgeGateway({
      env: { DATABASE_URL: `postgres://user:password@127.0.0.1:${port}/none` },
    })
    const answer = await gateway.api('GET', '/api/v1/monitors')
    expect([answer.status, answer.json.error.code]).toEqual([503, 'DATABASE_UNAVAILABLE'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await gateway.api('GET', '/readyz')).json.checks.database).toBe('cannot be reached')
    expect((await gateway.api('GET', '/healthz')).status).toBe(200)
    server.close()
  })
})

it('a worker that could not report during a database outage is not considered lost', async () => {
  await using database = await createTestDatabase()
  const { hostname, port } = new URL(database.url)
  await using proxy = await startProxy({ host: hostname, port: Number(port) })
  const through = Object.assign(new URL(database.url), { port: String(proxy.port) }).href
  await using gateway = await startEdgeGateway({ env: { DATABASE_URL: through, LOG_LEVEL: 'error' } })
  const made = await gateway.api('POST', '/api/v1/monitors', {
    stream_url: 'http://127.0.0.1:9/outage.m3u8',
    callback_url: 'http://127.0.0.1:9/hook',
  })
  const id: string = made.json.monitor_id
  await expect.poll(() => gateway.workers()).toHaveLength(1)
  const claim = { claimant: randomUUID() }
  expect((await gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, claim)).status).toBe(200)

  await proxy.close()
  expect((await gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, buildReport(1, 1))).status).toBe(503)
  await database.sql`update assignments set lease_until = now() - interval '1 s'`
  await proxy.open()
  await gateway.triggerCron()
  const lease = async () => {
    const [row] = await database.sql`select attempts, lease_until > now() as holds, launch_at from assignments`
    return { ...row }
  }
  await expect.poll(lease).toEqual({ attempts: 1, holds: true, launch_at: null })
})

type Proxy = AsyncDisposable & { readonly port: number; close(): Promise<void>; open(): Promise<void> }

/** Starts a TCP proxy to a server that can be closed and opened again. */
async function startProxy(server: { host: string; port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const entrance = createServer((socket) => {
    const exit = connect(server)
    for (const end of [socket, exit]) sockets.add(end.on('error', () => exit.destroy()))
    socket.pipe(exit).pipe(socket)
  })
  const listen = async (port: number) => {
    entrance.listen(port, '127.0.0.1')
    await once(entrance, 'listening')
    return (entrance.address() as AddressInfo).port
  }
  const port = await listen(0)
  const close = async () => {
    const closed = new Promise((resolve) => entrance.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return { port, close, open: async () => void (await listen(port)), [Symbol.asyncDispose]: close }
}

describe('wrong settings', () => {
  it('stop an edge gateway: every route names all of them, and the log names them once', async () => {
    await using gateway = await startEdgeGateway({
      env: { LAUNCHER: 'process', PORT: '8080', KUBERNETES_URL: '', MAX_MONITORS: 'many' },
    })
    for (const path of ['/healthz', '/readyz', '/api/v1/monitors', '/internal/v1/tick', '/docs']) {
      const answer = await gateway.api('GET', path)
      expect([path, answer.status, answer.json.error.code]).toEqual([path, 503, 'INVALID_CONFIG'])
      expect(answer.json.error.details.map((problem: string) => problem.split(' ')[0])).toEqual([
        'PORT',
        'LAUNCHER',
        'MAX_MONITORS',
        'KUBERNETES_URL',
      ])
    }
    expect(gateway.errors).toEqual([expect.stringContaining('this gateway cannot start')])
    await expect(gateway.triggerCron()).rejects.toThrow('500')
  })
})
