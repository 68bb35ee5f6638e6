import { describe, it } from 'vitest'

import type { MonitorEventType } from '../../shared/contract/monitors.ts'
import { createMemoryLauncher } from '../testing/workers/memory-launcher.ts'
import { buildEvent, buildReport } from '../testing/workers/monitor-reports.ts'
import { startReceiver, type ReceiverBehaviour, type Delivery, type Receiver } from '../testing/receiver.ts'
import { isStandardWebhook } from '../testing/standard-webhook.ts'
import { startTestGateway, TEST_KEYS, type TestGateway } from '../testing/test-gateway.ts'

/** Creates a claimed monitor with `report`, which reports events as its worker. */
async function createReportingMonitor(gateway: TestGateway, url: string, policy = 'strict') {
  const stream_url = `http://127.0.0.1:9/${crypto.randomUUID()}.m3u8`
  const config = { webhook_policy: policy }
  const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: url, config })
  const id: string = made.json.monitor_id
  const { epoch } = (
    await gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })
  ).json
  let seq = 0
  async function report(...types: MonitorEventType[]): Promise<void> {
    seq += 1
    const body = buildReport(epoch, seq, { events: types.map((type) => buildEvent(type, { seq })) })
    const answer = await gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, body)
    if (answer.status !== 200) throw new Error(`the report was refused: ${answer.text}`)
  }
  const events = async () => (await gateway.api('GET', `/api/v1/monitors/${id}/events`)).json.events
  const status = async () => (await gateway.api('GET', `/api/v1/monitors/${id}`)).json.status
  return { id, report, events, status }
}

const receive = (answer?: ReceiverBehaviour): Promise<Receiver> => startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY, answer)
const typesOf = (deliveries: readonly Delivery[]) => deliveries.map(({ payload }) => payload.event_type)
const ALTERNATING = ['alert.blackout', 'alert.blackout_recovered'] as const

describe.concurrent('webhooks', () => {
  it('arrive once each, in order, with both signatures', async ({ expect }) => {
    await using gateway = await startTestGateway()
    await using receiver = await receive()
    const monitor = await createReportingMonitor(gateway, receiver.url)
    const types = Array.from({ length: 60 }, (_, i) => ALTERNATING[i % 2] ?? ALTERNATING[0])
    for (let i = 0; i < types.length; i += 3) await monitor.report(...types.slice(i, i + 3))
    await expect.poll(() => receiver.deliveries.length).toBe(60)
    expect(typesOf(receiver.deliveries)).toEqual(types)
    expect(receiver.deliveries.every(({ verdict }) => verdict === 'valid')).toBe(true)
    expect(receiver.deliveries.every((delivery) => isStandardWebhook(TEST_KEYS.WEBHOOK_SIGNING_KEY, delivery))).toBe(
      true,
    )
    expect(new Set(receiver.deliveries.map(({ payload }) => payload.event_id)).size).toBe(60)
  })

  it('that fail are attempted four times, 1, 2 and 4 seconds apart, with the same id and body and a new signature; then their monitor ends', async ({
    expect,
  }) => {
    const launcher = createMemoryLauncher()
    await using gateway = await startTestGateway({ launcher })
    await using receiver = await receive(() => 500)
    const monitor = await createReportingMonitor(gateway, receiver.url)
    await monitor.report('stream.started')
    await expect.poll(monitor.status).toBe('error')
    const gapsSec = receiver.deliveries
      .slice(1)
      .map(({ atMs }, i) => (atMs - (receiver.deliveries[i]?.atMs ?? 0)) / 1000)
    for (const [i, pauseSec] of [1, 2, 4].entries()) {
      expect(gapsSec[i]).toBeGreaterThanOrEqual(pauseSec)
    }
    expect(new Set(receiver.deliveries.map(({ body }) => body)).size).toBe(1)
    expect(receiver.deliveries.every(({ verdict }) => verdict === 'valid')).toBe(true)
    expect((await monitor.events())[0].delivery).toMatchObject({
      status: 'failed',
      attempts: 4,
      last_error: 'the receiver answered 500',
    })
    expect(typesOf(receiver.deliveries)).toEqual(Array(4).fill('stream.started'))
    await expect.poll(() => launcher.stopped.length).toBe(1)
  })

  it('that fail stay pending by the durable policy, and their monitor goes on', async ({ expect }) => {
    await using gateway = await startTestGateway()
    await using receiver = await receive(() => 500)
    const monitor = await createReportingMonitor(gateway, receiver.url, 'durable')
    await monitor.report('stream.started')
    await receiver.waitFor((_delivery) => receiver.deliveries.length === 2)
    expect(await monitor.status()).toBe('monitoring')
    expect((await monitor.events())[0].delivery.status).toBe('pending')
  })

  it('wait for a failed one before them and keep their order', async ({ expect }) => {
    await using gateway = await startTestGateway()
    await using receiver = await receive((_delivery, count) => (count === 1 ? 503 : 204))
    const monitor = await createReportingMonitor(gateway, receiver.url)
    await monitor.report('stream.started')
    await monitor.report(...ALTERNATING)
    await receiver.waitFor(({ payload }) => payload.event_type === 'alert.blackout_recovered')
    expect(typesOf(receiver.deliveries)).toEqual(['stream.started', 'stream.started', ...ALTERNATING])
  })

  const badReceivers: [string, ReceiverBehaviour][] = [
    ['hangs', () => 'hang'],
    ['answers byte by byte', () => 'drip'],
    ['resets the connection', () => 'reset'],
    ['answers 410', () => 410],
    ['answers 429', () => 429],
    ['redirects', () => 302],
  ]
  it.for(badReceivers)('of a receiver that %s delay no other receiver', async ([, answer], { expect }) => {
    await using gateway = await startTestGateway()
    await using bad = await receive(answer)
    await using good = await receive()
    const held = await createReportingMonitor(gateway, bad.url)
    const free = await createReportingMonitor(gateway, good.url)
    await held.report('stream.started')
    await expect.poll(() => bad.deliveries.length).toBeGreaterThan(0)
    const reportedMs = Date.now()
    await free.report('stream.started')
    const got = await good.waitFor(() => true)
    // The timeout of a receiver is ten seconds.
    expect(got.atMs - reportedMs).toBeLessThan(10_000)
    expect(await held.status()).toBe('monitoring')
  })

  it('count as delivered by the status of a 10 MB response, without reading it', async ({ expect }) => {
    await using gateway = await startTestGateway()
    await using receiver = await receive(() => 'huge')
    const monitor = await createReportingMonitor(gateway, receiver.url)
    await monitor.report('stream.started')
    await expect.poll(async () => (await monitor.events())[0].delivery.status).toBe('delivered')
  })

  it('whose gateway died after the response are sent again, with the same id and body', async ({ expect }) => {
    await using gateway = await startTestGateway()
    await using receiver = await receive()
    const monitor = await createReportingMonitor(gateway, receiver.url)
    await monitor.report('stream.started')
    const first = await receiver.waitFor(() => true)
    await expect.poll(async () => (await monitor.events())[0].delivery.status).toBe('delivered')
    const { sql } = gateway.database
    await sql`update outbox_events set status = 'pending', attempts = 0, delivered_at = null where subject = ${monitor.id}`
    await sql`update outbox_lanes set pending = 1, due_at = now(), locked_by = 'gone', locked_until = now() - interval '1 s' where subject = ${monitor.id}`
    const again = await receiver.waitFor((delivery) => delivery !== first)
    expect([again.payload.event_id, again.body]).toEqual([first.payload.event_id, first.body])
  })

  it('that are redelivered on request do not change the attempts of a failing one', async ({ expect }) => {
    await using gateway = await startTestGateway()
    await using receiver = await receive(({ payload }) => (payload.event_type === 'alert.blackout' ? 500 : 204))
    const monitor = await createReportingMonitor(gateway, receiver.url)
    await monitor.report('stream.started')
    const { payload } = await receiver.waitFor(() => true)
    await expect.poll(async () => (await monitor.events())[0].delivery.status).toBe('delivered')
    await monitor.report('alert.blackout')
    const failing = () => receiver.deliveries.filter((delivery) => delivery.payload.event_type === 'alert.blackout')
    await expect.poll(() => failing().length).toBe(1)
    const again = `/api/v1/monitors/${monitor.id}/events/${payload.event_id}/redeliver`
    for (let i = 0; i < 5; i++) expect((await gateway.api('POST', again)).status).toBe(202)
    await expect.poll(() => failing().length).toBe(2)
    const [first, second] = failing()
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1000)
    expect(await monitor.status()).toBe('monitoring')
  })

  it('that are interrupted by the end of their gateway lose no attempt', async ({ expect }) => {
    const gateway = await startTestGateway()
    await using receiver = await receive(() => 'hang')
    const monitor = await createReportingMonitor(gateway, receiver.url)
    await monitor.report('stream.started')
    await receiver.waitFor(() => true)
    await using other = await startTestGateway({ database: gateway.database })
    await gateway.gateway.close()
    const [event] = (await other.api('GET', `/api/v1/monitors/${monitor.id}/events`)).json.events
    expect(event.delivery).toMatchObject({ status: 'pending', attempts: 0, last_error: null })
    await expect.poll(() => receiver.deliveries.length).toBe(2)
  })

  it('of one monitor are never sent by two gateways at the same time', async ({ expect }) => {
    let open = 0
    let most = 0
    await using one = await startTestGateway()
    await using two = await startTestGateway({ database: one.database })
    await using receiver = await receive(async () => {
      open += 1
      most = Math.max(most, open)
      await new Promise((resolve) => setTimeout(resolve, 5))
      open -= 1
      return 204
    })
    const monitor = await createReportingMonitor(one, receiver.url)
    for (let i = 0; i < 10; i++) {
      await monitor.report(...ALTERNATING)
      two.gateway.context.wake()
    }
    await expect.poll(() => receiver.deliveries.length).toBe(20)
    expect(most).toBe(1)
    expect(typesOf(receiver.deliveries)).toEqual(Array.from({ length: 10 }, () => ALTERNATING).flat())
  })
})
