import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { reportOf } from '../testing/reports.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { createMemoryLauncher } from '../testing/memory-launcher.ts'
import { startTestGateway, TEST_KEYS, type TestGateway } from '../testing/test-gateway.ts'

const DIED = { code: 1, reason: 'Error', lastLines: ['out of luck', 'giving up'] }

let receiver: Receiver
let gateway: TestGateway
const launcher = createMemoryLauncher()

beforeAll(async () => {
  receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  gateway = await startTestGateway({ launcher })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

let streams = 0
/** A monitor whose worker has been launched. */
async function watched(): Promise<{ id: string; name: string }> {
  streams += 1
  const stream_url = `http://127.0.0.1:9/workers-${streams}.m3u8`
  const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: receiver.url })
  const id: string = made.json.monitor_id
  await launches(id, 1)
  return { id, name: `stream-monitor-${id}` }
}

const launchesOf = (id: string) => launcher.launched.filter((spec) => spec.assignmentId === id)
async function launches(id: string, n: number): Promise<void> {
  await expect.poll(() => launchesOf(id).length, { timeout: 15_000, interval: 20 }).toBe(n)
}
const claim = (id: string) =>
  gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })
const statusOf = async (id: string) => (await gateway.api('GET', `/api/v1/monitors/${id}`)).json.status

describe('workers', () => {
  it('are launched with what they need, and their token', async () => {
    const { id, name } = await watched()
    const [spec] = launchesOf(id)
    expect(spec).toMatchObject({
      name,
      kind: 'monitor',
      env: { MONITOR_ID: id, WORKER_KIND: 'monitor', CALLBACK_URL: receiver.url },
    })
    expect(JSON.parse(spec?.env['CONFIG_JSON'] ?? '')).toMatchObject({ check_interval_sec: 10 })
    expect(JSON.stringify(spec)).not.toContain(TEST_KEYS.INTERNAL_API_KEY)
  })

  it('that die are launched again, and the next one resumes under the next epoch', async () => {
    const { id, name } = await watched()
    expect((await claim(id)).json.epoch).toBe(1)
    launcher.exit(name, DIED)
    await launches(id, 2)
    expect((await claim(id)).json.epoch).toBe(2)
    expect(await statusOf(id)).toBe('initializing')
  })

  it('that die at every start end their monitor after five launches, with one event that says why', async () => {
    const { id, name } = await watched()
    for (let n = 1; n < 5; n++) {
      launcher.exit(name, DIED)
      await launches(id, n + 1)
    }
    launcher.exit(name, DIED)
    const told = await receiver.waitFor(({ payload }) => payload.monitor_id === id, 5000)
    expect(told.payload).toMatchObject({
      event_type: 'monitor.error',
      data: {
        reason: 'worker_lost',
        exit_code: 1,
        termination_reason: 'Error',
        message: 'out of luck\ngiving up',
        pod_name: name,
      },
    })
    expect(await gateway.api('GET', `/api/v1/monitors/${id}`)).toMatchObject({
      json: { status: 'error', error_reason: 'worker_lost' },
    })
    expect(receiver.deliveries.filter(({ payload }) => payload.monitor_id === id)).toHaveLength(1)
    expect(launchesOf(id)).toHaveLength(5)
  }, 30_000)

  it('that are silent past their lease are replaced, and what the old one says then is refused', async () => {
    const { id, name } = await watched()
    await claim(id)
    await gateway.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${id}`
    await launches(id, 2)
    expect(launcher.stopped).toContain(name)
    await claim(id)
    const answer = await gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, reportOf(1, 1))
    expect([answer.status, answer.json.error.code]).toEqual([409, 'STALE_EPOCH'])
  })

  it('that never claim are replaced after the startup time-out', async () => {
    const { id } = await watched()
    await gateway.database
      .sql`update assignments set lease_until = now() - interval '1 s', launched_at = now() - interval '61 s' where id = ${id}`
    await launches(id, 2)
    expect(await statusOf(id)).toBe('initializing')
  })

  it('of a gateway that is gone are launched anew at once, and that costs no attempt', async () => {
    const { id, name } = await watched()
    await launcher.stop({ name }, 0)
    await gateway.database.sql`update assignments set launched_by = 'gone gateway', attempts = 5 where id = ${id}`
    gateway.gateway.context.wake('workers')
    await launches(id, 2)
    const [row] = await gateway.database.sql`select attempts from assignments where id = ${id}`
    expect(row?.['attempts']).toBe(5)
  })

  it('of another living gateway are left alone', async () => {
    const { id, name } = await watched()
    await launcher.stop({ name }, 0)
    await gateway.database.sql`update assignments set launched_by = 'other gateway' where id = ${id}`
    gateway.gateway.context.wake('workers')
    await watched()
    expect(launchesOf(id)).toHaveLength(1)
  })

  it('are stopped when their monitor is deleted', async () => {
    const { id, name } = await watched()
    await gateway.api('DELETE', `/api/v1/monitors/${id}`)
    await expect.poll(() => launcher.stopped.includes(name), { timeout: 5000 }).toBe(true)
    expect(launchesOf(id)).toHaveLength(1)
  })

  it('that nobody asked for are stopped', async () => {
    await launcher.launch({ name: 'stream-monitor-orphan', kind: 'monitor', assignmentId: 'mon-orphan', env: {} })
    gateway.gateway.context.wake('workers')
    await expect.poll(() => launcher.stopped.includes('stream-monitor-orphan'), { timeout: 5000 }).toBe(true)
  })

  it('that cannot be launched are tried again', async () => {
    launcher.failWith(new Error('no room'))
    streams += 1
    const stream_url = `http://127.0.0.1:9/workers-${streams}.m3u8`
    const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: receiver.url })
    await expect.poll(() => gateway.errors.some((line) => line.includes('no room')), { timeout: 5000 }).toBe(true)
    launcher.failWith(null)
    await launches(made.json.monitor_id, 1)
  })

  it('of scheduled monitors are launched at their lead time', async () => {
    const scheduled_start_time = new Date(Date.now() + 601_000).toISOString()
    const stream_url = 'http://127.0.0.1:9/workers-scheduled.m3u8'
    const made = await gateway.api('POST', '/api/v1/monitors', {
      stream_url,
      callback_url: receiver.url,
      config: { scheduled_start_time },
    })
    expect(made.json.status).toBe('scheduled')
    expect(launchesOf(made.json.monitor_id)).toHaveLength(0)
    await launches(made.json.monitor_id, 1)
    expect(await statusOf(made.json.monitor_id)).toBe('initializing')
  })

  it('of monitors whose scheduled end passes with no live stream are stopped, with one webhook', async () => {
    const scheduled_end_time = new Date(Date.now() + 1500).toISOString()
    const stream_url = 'http://127.0.0.1:9/workers-end.m3u8'
    const made = await gateway.api('POST', '/api/v1/monitors', {
      stream_url,
      callback_url: receiver.url,
      config: { scheduled_end_time },
    })
    const id = made.json.monitor_id
    const told = await receiver.waitFor(({ payload }) => payload.monitor_id === id, 10_000)
    expect(told.payload).toMatchObject({ event_type: 'stream.ended', data: { reason: 'scheduled_end_passed' } })
    expect(await statusOf(id)).toBe('stopped')
  })
})

describe('two gateways on one database', () => {
  it('launch one worker for one monitor', async () => {
    const launchers = [createMemoryLauncher('one'), createMemoryLauncher('two')] as const
    await using one = await startTestGateway({ launcher: launchers[0] })
    await using two = await startTestGateway({ launcher: launchers[1], database: one.database })
    const posts = Array.from({ length: 10 }, (_, i) => {
      const payload = { stream_url: `http://127.0.0.1:9/two-${i}.m3u8`, callback_url: receiver.url }
      return (i % 2 === 0 ? one : two).api('POST', '/api/v1/monitors', payload)
    })
    const ids = (await Promise.all(posts)).map((made) => made.json.monitor_id)
    const all = () => launchers.flatMap((each) => each.launched.map((spec) => spec.assignmentId))
    await expect.poll(() => all().length, { timeout: 5000 }).toBe(10)
    expect(new Set(all())).toEqual(new Set(ids))
  })
})
