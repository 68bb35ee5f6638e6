import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { startSimulatedCluster, type SimulatedCluster } from '../testing/workers/simulated-pods.ts'
import { buildReport } from '../testing/workers/monitor-reports.ts'
import type { TestCluster } from '../testing/test-cluster.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'
import { WAIT } from '../../shared/testing/until.ts'

let shared: SimulatedCluster
let cluster: TestCluster
let pods: SimulatedCluster['pods']

beforeAll(async () => {
  shared = await startSimulatedCluster()
  cluster = shared.cluster
  pods = shared.pods
})
afterAll(() => shared[Symbol.asyncDispose]())

const gateway = () => shared.gateway

describe('a cluster whose API server', () => {
  test('is unreachable for a while loses nothing: monitors are accepted, webhooks sent, workers launched later', async () => {
    const before = await pods.createClaimedMonitor()
    await cluster.kube.faults.refuseConnections()
    const { id, name } = await pods.createMonitor()
    const event = { event_type: 'stream.started', timestamp: new Date().toISOString(), data: { title: 'x' } }
    const report = buildReport(1, 1, { events: [event as never] })
    await gateway().callback(before.id, 'PUT', `/internal/v1/monitors/${before.id}/status`, report)
    await cluster.receiver.waitFor(({ payload }) => payload.monitor_id === before.id)
    const ready = await gateway().api('GET', '/readyz')
    expect(ready.status).toBe(503)
    expect(ready.json.checks).toMatchObject({ database: 'ok', launcher: expect.not.stringMatching(/^ok$/) })
    expect((await gateway().api('GET', '/healthz')).status).toBe(200)
    const key = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    const response = await gateway().api('POST', '/internal/v1/reconcile', undefined, key)
    expect([response.status, response.json.error.code]).toEqual([503, 'LAUNCHER_UNAVAILABLE'])
    // While no gateway was ready, workers could not renew their leases.
    await cluster.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${before.id}`
    await delay(2500)
    await cluster.kube.faults.acceptConnections()
    await pods.waitForPod(name)
    expect(await pods.attemptsOf(id)).toBe(1)
    expect((await gateway().api('GET', '/readyz')).status).toBe(200)
    expect((await gateway().api('POST', '/internal/v1/reconcile', undefined, key)).status).toBe(200)
    expect(cluster.kube.pod(before.name)?.metadata.uid).toBe(before.uid)
  })

  test.each([429, 500] as const)('answers %i for a while uses no attempt of a monitor', async (status) => {
    cluster.kube.faults.failCalls({}, { status, retryAfterSec: 1 })
    const { id, name } = await pods.createMonitor()
    await vi.waitFor(() => expect(cluster.kube.calls.at(-1)?.status).toBe(status), WAIT)
    await delay(1500)
    cluster.kube.faults.clearCalls()
    await pods.waitForPod(name)
    expect(await pods.attemptsOf(id)).toBe(1)
  })

  test('drops the history of a watch is listed again, and no event is missed', async () => {
    const { name, uid } = await pods.createClaimedMonitor()
    cluster.kube.faults.compact()
    cluster.kube.faults.cutWatches()
    cluster.kube.faults.deletePod(name)
    await pods.waitForPod(name, uid)
  })

  test('sends no watch events is covered by the periodic list', async () => {
    const { name, uid } = await pods.createClaimedMonitor()
    cluster.kube.faults.silenceWatches()
    cluster.kube.faults.deletePod(name)
    await pods.waitForPod(name, uid)
    cluster.kube.faults.cutWatches()
  })
})
