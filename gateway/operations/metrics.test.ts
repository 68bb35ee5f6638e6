import { createServer } from 'node:net'
import { once } from 'node:events'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createLog } from '../../shared/log.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { createPrometheus } from '../adapters/telemetry/prometheus.ts'
import { createApp, type ListenerRoutes } from '../app.ts'
import type { Context } from '../context.ts'
import { NO_METRICS } from '../adapters/telemetry/no-telemetry.ts'
import { MONITORS_BY_STATUS, MONITORS_LIMIT } from '../monitors/metrics.ts'
import { allMetrics } from './metrics.ts'
import { createOperations } from './operations.ts'
import { systems as allSystems } from '../systems.ts'
import { INITIAL_STATISTICS } from '../../shared/contract/monitors.ts'
import { createMemoryLauncher } from '../testing/workers/memory-launcher.ts'
import { parsePrometheusText, type PrometheusFamily } from '../testing/parse-prometheus-text.ts'
import { startReceiver, type Receiver } from '../testing/receiver.ts'
import { buildEvent, buildReport } from '../testing/workers/monitor-reports.ts'
import { startTestGateway, TEST_KEYS, createTestSettings, type TestGateway } from '../testing/test-gateway.ts'

let gateway: TestGateway
let receiver: Receiver

beforeAll(async () => {
  receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  gateway = await startTestGateway({ launcher: createMemoryLauncher() })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
})

async function scrape(of = gateway): Promise<ReadonlyMap<string, PrometheusFamily>> {
  const answer = await of.api('GET', '/metrics', undefined, { 'x-api-key': '' })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return parsePrometheusText(answer.text)
}

/** The value of one sample; 0 where there is none. */
function valueOf(
  families: ReadonlyMap<string, PrometheusFamily>,
  name: string,
  labels: Record<string, string> = {},
): number {
  const family = families.get(name.replace(/_(?:count|sum)$/, '')) ?? families.get(name)
  const found = family?.samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return found?.value ?? 0
}

let streams = 0
async function watch(on = gateway): Promise<string> {
  streams += 1
  const stream_url = `http://127.0.0.1:9/figures-${streams}.m3u8`
  return (await on.api('POST', '/api/v1/monitors', { stream_url, callback_url: receiver.url })).json.monitor_id
}
const claim = (id: string) =>
  gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })
async function put(id: string, body: unknown): Promise<void> {
  expect((await gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, body)).status).toBe(200)
}

const STATISTICS = INITIAL_STATISTICS
const analyzed = (total_segments_analyzed: number, more: Partial<typeof STATISTICS> = {}) => {
  return { statistics: { ...STATISTICS, total_segments_analyzed, ...more } }
}

describe('/metrics of a gateway that did some work', () => {
  it('is Prometheus text that shows every figure as it is declared, and asks for no key', async () => {
    const families = await scrape()
    const shown = [...families].map(([name, { type }]) => [name, type])
    const declared = allMetrics(allSystems).map(({ name, kind }) => [name, kind === 'sampled_gauge' ? 'gauge' : kind])
    expect(shown.filter(([name = '']) => name.startsWith('tallylight_'))).toEqual(declared)
    for (const { help } of families.values()) expect(help).not.toBe('')
    const process = ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds', 'process_open_fds']
    expect(process.filter((name) => families.get(name)?.samples.length !== 1)).toEqual([])
  })

  it('counts each segment once, whether reports are repeated, resumed or begun anew', async () => {
    const before = await scrape()
    const id = await watch()
    await claim(id)
    const first = buildReport(1, 1, analyzed(40, { segments_failed: 2, segments_skipped: 5 }))
    await put(id, first)
    await put(id, first)
    await put(id, buildReport(1, 2, analyzed(43, { segments_failed: 2, segments_skipped: 5 })))
    await claim(id)
    const late = buildReport(1, 3, analyzed(90))
    expect((await gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, late)).status).toBe(409)
    await put(id, buildReport(2, 1, analyzed(43, { segments_failed: 2, segments_skipped: 5 })))
    await put(id, buildReport(2, 2, analyzed(44, { segments_failed: 2, segments_skipped: 5 })))
    await claim(id)
    await put(id, buildReport(3, 1, analyzed(0)))
    await put(id, buildReport(3, 2, analyzed(2)))
    const after = await scrape()
    const grown = (name: string, outcome: string) =>
      valueOf(after, name, { outcome }) - valueOf(before, name, { outcome })
    expect(['analyzed', 'failed', 'skipped'].map((outcome) => grown('tallylight_segments_total', outcome))).toEqual([
      46, 2, 5,
    ])
    const outcomes = ['counted', 'duplicate', 'refused']
    expect(outcomes.map((outcome) => grown('tallylight_worker_reports_total', outcome))).toEqual([6, 1, 1])
    expect(valueOf(after, 'tallylight_analysis_lag_seconds_count')).toBe(4)
  })

  it('measures how late alarms are on the clock of the stream, and counts detections and deliveries', async () => {
    const before = await scrape()
    const id = await watch()
    await claim(id)
    const startedMs = Date.now() - 12_000
    const started_at = new Date(startedMs).toISOString()
    const alarm = buildEvent('alert.blackout', { started_at, duration_sec: 5, threshold_sec: 5 })
    const noTimes = buildEvent('alert.silence', { started_at: 'then', threshold_sec: 5 })
    await put(id, buildReport(1, 1, { events: [alarm, noTimes] }))
    await receiver.waitFor(({ payload }) => payload.monitor_id === id && payload.event_type === 'alert.silence')
    await expect.poll(async () => valueOf(await scrape(), 'tallylight_webhooks_pending', { policy: 'strict' })).toBe(0)
    const after = await scrape()
    const lag = 'tallylight_alarm_lag_seconds'
    expect(valueOf(after, `${lag}_sum`, { event_type: 'alert.blackout' })).toBeGreaterThanOrEqual(7)
    expect(valueOf(after, `${lag}_sum`, { event_type: 'alert.blackout' })).toBeLessThan(
      (Date.now() - startedMs) / 1000 - 5,
    )
    expect(valueOf(after, `${lag}_count`, { event_type: 'alert.silence' })).toBe(0)
    expect(valueOf(after, 'tallylight_detections_total', { event_type: 'alert.silence' })).toBe(1)
    const delivered = { outcome: 'delivered' }
    const attempts = 'tallylight_webhook_attempts_total'
    expect(valueOf(after, attempts, delivered) - valueOf(before, attempts, delivered)).toBe(2)
    const delays = 'tallylight_webhook_delay_seconds_count'
    expect(valueOf(after, delays) - valueOf(before, delays)).toBe(2)
  })

  it('shows monitors, their limit and their workers as the database has them', async () => {
    await using own = await startTestGateway({ launcher: createMemoryLauncher(), env: { MAX_MONITORS: '7' } })
    const id = await watch(own)
    await expect.poll(async () => valueOf(await scrape(own), 'tallylight_workers', { state: 'starting' })).toBe(1)
    const families = await scrape(own)
    expect(valueOf(families, 'tallylight_monitors', { status: 'initializing' })).toBe(1)
    expect(valueOf(families, 'tallylight_monitors_limit')).toBe(7)
    expect(valueOf(families, 'tallylight_database_up')).toBe(1)
    await own.api('DELETE', `/api/v1/monitors/${id}`)
    expect(valueOf(await scrape(own), 'tallylight_monitors', { status: 'initializing' })).toBe(0)
  })

  it('counts launches, losses by a reason of few, and comparisons with what they found', async () => {
    const launcher = createMemoryLauncher()
    await using own = await startTestGateway({ launcher })
    const id = await watch(own)
    await expect.poll(() => launcher.launched.length).toBe(1)
    launcher.exit(`stream-monitor-${id}`, { code: 1, reason: `spawn /tmp/${id} EACCES`, lastLines: [] })
    await expect.poll(() => launcher.launched.length).toBe(2)
    const found = async () => valueOf(await scrape(own), 'tallylight_reconcile_found_total', { finding: 'failed' })
    await expect.poll(found).toBe(1)
    const launches = { kind: 'monitor', outcome: 'launched' }
    await expect.poll(async () => valueOf(await scrape(own), 'tallylight_worker_launches_total', launches)).toBe(2)
    const families = await scrape(own)
    expect(valueOf(families, 'tallylight_worker_losses_total', { reason: 'other', next: 'relaunch' })).toBe(1)
    expect(valueOf(families, 'tallylight_reconcile_duration_seconds_count')).toBeGreaterThan(0)
    const agoSec = Date.now() / 1000 - valueOf(families, 'tallylight_reconcile_last_success_timestamp_seconds')
    expect(agoSec).toBeLessThan(PATIENCE_MS / 1000)
  })

  it('counts requests by their route: no id, no address and no path of others becomes a label', async () => {
    const id = await watch()
    await gateway.api('GET', `/api/v1/monitors/${id}`)
    await gateway.api('GET', `/api/v1/nothing/${id}?url=https://example.com`)
    await gateway.api('GET', `/api/v1/monitors/${id}`, undefined, { 'x-api-key': 'wrong' })
    const families = await scrape()
    const requests = 'tallylight_http_requests_total'
    const route = '/api/v1/monitors/:id'
    expect(valueOf(families, requests, { method: 'GET', route, status: '2xx' })).toBe(1)
    expect(valueOf(families, requests, { method: 'GET', route, status: '4xx' })).toBe(1)
    expect(valueOf(families, requests, { method: 'GET', route: 'unmatched', status: '4xx' })).toBe(1)
    const values = [...families.values()].flatMap(({ samples }) =>
      samples.flatMap(({ labels }) => Object.values(labels)),
    )
    expect(values.filter((value) => /[0-9a-f]{8}-|https?:|127\.0/.test(value))).toEqual([])
  })
})

describe('/metrics', () => {
  async function appOf(context: Context, routes: ListenerRoutes) {
    const configured = (await createTestSettings()).systems
    const systems = configured.map((system) => system.mount(context))
    return createApp(context, { systems, readiness: [], operations: createOperations(context, systems) }, routes)
  }
  const routesOf = (publicRoutes: boolean) => ({ publicRoutes, internalRoutes: !publicRoutes })

  it('is behind the internal door where there are two', async () => {
    const { context } = gateway.gateway
    const ask = async (isPublic: boolean) => (await appOf(context, routesOf(isPublic))).request('/metrics')
    expect([(await ask(true)).status, (await ask(false)).status]).toEqual([404, 200])
  })

  it('needs the key where anyone may reach the only door', async () => {
    const { context } = gateway.gateway
    const settings = { ...context.settings, host: '0.0.0.0' }
    const app = await appOf({ ...context, settings }, { publicRoutes: true, internalRoutes: true })
    const ask = async (key: string) => (await app.request('/metrics', { headers: { 'x-api-key': key } })).status
    expect([await ask(''), await ask(settings.keys.API_KEY)]).toEqual([401, 200])
  })

  it('is not there on a runtime that keeps no figures', async () => {
    const context = { ...gateway.gateway.context, metrics: NO_METRICS }
    expect((await (await appOf(context, routesOf(false))).request('/metrics')).status).toBe(404)
  })

  it('shows what the process keeps, and nothing that was read before, where the database hangs; and logs that once', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const lines: string[] = []
    const log = createLog('gateway', 'warn', (line) => lines.push(line))
    await using postgres = connectPostgres(`postgres://nobody@127.0.0.1:${port}/none`, log)
    const metrics = createPrometheus(allMetrics(allSystems))
    await metrics.render?.([
      { metric: MONITORS_BY_STATUS, labels: { status: 'error' }, value: 1 },
      { metric: MONITORS_LIMIT, labels: {}, value: 7 },
    ])
    const context = { ...gateway.gateway.context, db: postgres.db, log, metrics }
    const app = await appOf(context, routesOf(false))
    const startedMs = performance.now()
    const texts = await Promise.all(
      [app.request('/metrics'), app.request('/metrics')].map(async (one) => (await one).text()),
    )
    // Prometheus waits for ten seconds.
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    silent.close()
    const families = parsePrometheusText(texts[0] ?? '')
    expect(families.get('tallylight_database_up')?.samples).toMatchObject([{ value: 0 }])
    expect(families.get('tallylight_monitors')?.samples).toEqual([])
    expect(families.get('tallylight_monitors_limit')?.samples).toEqual([])
    expect(families.get('process_resident_memory_bytes')?.samples.length).toBe(1)
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['metrics cannot be read from the database'])
  })
})
