import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { buildReport } from '../testing/workers/monitor-reports.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { createMemoryLauncher } from '../testing/workers/memory-launcher.ts'
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
/** Creates a monitor and waits for the launch of its worker. */
async function createLaunchedMonitor(): Promise<{ id: string; name: string }> {
  streams += 1
  const stream_url = `http://127.0.0.1:9/workers-${streams}.m3u8`
  const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: receiver.url })
  const id: string = made.json.monitor_id
  await waitForLaunches(id, 1)
  return { id, name: `stream-monitor-${id}` }
}

const launchesOf = (id: string) => launcher.launched.filter((spec) => spec.assignmentId === id)
async function waitForLaunches(id: string, n: number): Promise<void> {
  await expect.poll(() => launchesOf(id).length).toBe(n)
}
const claim = (id: string) =>
  gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })
const statusOf = async (id: string) => (await gateway.api('GET', `/api/v1/monitors/${id}`)).json.status

describe('workers', () => {
  it('are launched with their settings and without the internal key', async () => {
    const { id, name } = await createLaunchedMonitor()
    const [spec] = launchesOf(id)
    expect(spec).toMatchObject({
      name,
      kind: 'monitor',
      env: { MONITOR_ID: id, WORKER_KIND: 'monitor', CALLBACK_URL: receiver.url },
    })
    expect(JSON.parse(spec?.env['CONFIG_JSON'] ?? '')).toMatchObject({ check_interval_sec: 10 })
    expect(JSON.stringify(spec)).not.toContain(TEST_KEYS.INTERNAL_API_KEY)
  })

  it('that exit are relaunched, and the next one resumes with the next epoch', async () => {
    const { id, name } = await createLaunchedMonitor()
    expect((await claim(id)).json.epoch).toBe(1)
    launcher.exit(name, DIED)
    await waitForLaunches(id, 2)
    expect((await claim(id)).json.epoch).toBe(2)
    expect(await statusOf(id)).toBe('initializing')
  })

  it('that exit at every start end their monitor after five launches, with one event that states the reason', async () => {
    const { id, name } = await createLaunchedMonitor()
    for (let n = 1; n < 5; n++) {
      launcher.exit(name, DIED)
      await waitForLaunches(id, n + 1)
    }
    launcher.exit(name, DIED)
    const delivery = await receiver.waitFor(({ payload }) => payload.monitor_id === id)
    expect(delivery.payload).toMatchObject({
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
  })

  it('whose lease has expired are replaced, and reports of the old one are refused', async () => {
    const { id, name } = await createLaunchedMonitor()
    await claim(id)
    await gateway.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${id}`
    await waitForLaunches(id, 2)
    expect(launcher.stopped).toContain(name)
    await claim(id)
    const answer = await gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, buildReport(1, 1))
    expect([answer.status, answer.json.error.code]).toEqual([409, 'STALE_EPOCH'])
  })

  it('that never claim are replaced after the startup timeout', async () => {
    const { id } = await createLaunchedMonitor()
    await gateway.database
      .sql`update assignments set lease_until = now() - interval '1 s', launched_at = now() - interval '61 s' where id = ${id}`
    await waitForLaunches(id, 2)
    expect(await statusOf(id)).toBe('initializing')
  })

  it('of a gateway that has ended are relaunched at once without using an attempt', async () => {
    const { id, name } = await createLaunchedMonitor()
    await launcher.stop({ name }, 0)
    await gateway.database.sql`update assignments set launched_by = 'gone gateway', attempts = 5 where id = ${id}`
    gateway.gateway.context.wake('workers')
    await waitForLaunches(id, 2)
    const [row] = await gateway.database.sql`select attempts from assignments where id = ${id}`
    expect(row?.['attempts']).toBe(5)
  })

  it('of another running gateway are kept', async () => {
    const { id, name } = await createLaunchedMonitor()
    await launcher.stop({ name }, 0)
    await gateway.database.sql`update assignments set launched_by = 'other gateway' where id = ${id}`
    gateway.gateway.context.wake('workers')
    await createLaunchedMonitor()
    expect(launchesOf(id)).toHaveLength(1)
  })

  it('are stopped when their monitor is deleted', async () => {
    const { id, name } = await createLaunchedMonitor()
    await gateway.api('DELETE', `/api/v1/monitors/${id}`)
    await expect.poll(() => launcher.stopped.includes(name)).toBe(true)
    expect(launchesOf(id)).toHaveLength(1)
  })

  it('without an assignment are stopped', async () => {
    await launcher.launch({ name: 'stream-monitor-orphan', kind: 'monitor', assignmentId: 'mon-orphan', env: {} })
    gateway.gateway.context.wake('workers')
    await expect.poll(() => launcher.stopped.includes('stream-monitor-orphan')).toBe(true)
  })

  it('that cannot be launched are retried', async () => {
    launcher.failWith(new Error('no room'))
    streams += 1
    const stream_url = `http://127.0.0.1:9/workers-${streams}.m3u8`
    const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: receiver.url })
    await expect.poll(() => gateway.errors.some((line) => line.includes('no room'))).toBe(true)
    launcher.failWith(null)
    await waitForLaunches(made.json.monitor_id, 1)
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
    await waitForLaunches(made.json.monitor_id, 1)
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
    const delivery = await receiver.waitFor(({ payload }) => payload.monitor_id === id)
    expect(delivery.payload).toMatchObject({ event_type: 'stream.ended', data: { reason: 'scheduled_end_passed' } })
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
    await expect.poll(() => all().length).toBe(10)
    expect(new Set(all())).toEqual(new Set(ids))
  })
})
