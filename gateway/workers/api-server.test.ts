import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { startPlayedCluster, WAIT, type PlayedCluster } from '../testing/played-pods.ts'
import { reportOf } from '../testing/reports.ts'
import type { TestCluster } from '../testing/test-cluster.ts'
import { TEST_KEYS } from '../testing/test-gateway.ts'

let shared: PlayedCluster
let cluster: TestCluster
let played: PlayedCluster['played']

beforeAll(async () => {
  shared = await startPlayedCluster()
  cluster = shared.cluster
  played = shared.played
})
afterAll(() => shared[Symbol.asyncDispose]())

const gateway = () => shared.gateway

describe('a cluster whose API server', () => {
  test('is gone for a while loses nothing: monitors are taken, webhooks go out, workers come later', async () => {
    const before = await played.watched()
    await cluster.kube.faults.refuseConnections()
    const { id, name } = await played.createMonitor()
    const event = { event_type: 'stream.started', timestamp: new Date().toISOString(), data: { title: 'x' } }
    const report = reportOf(1, 1, { events: [event as never] })
    await gateway().callback(before.id, 'PUT', `/internal/v1/monitors/${before.id}/status`, report)
    await cluster.receiver.waitFor(({ payload }) => payload.monitor_id === before.id, 5000)
    const ready = await gateway().api('GET', '/readyz')
    expect(ready.status).toBe(503)
    expect(ready.json.checks).toMatchObject({ database: 'ok', launcher: expect.not.stringMatching(/^ok$/) })
    expect((await gateway().api('GET', '/healthz')).status).toBe(200)
    const key = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    const asked = await gateway().api('POST', '/internal/v1/reconcile', undefined, key)
    expect([asked.status, asked.json.error.code]).toEqual([503, 'LAUNCHER_UNAVAILABLE'])
    // As long as no gateway was ready, workers found none to talk to.
    await cluster.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${before.id}`
    await delay(2500)
    await cluster.kube.faults.acceptConnections()
    await played.podNamed(name)
    expect(await played.attemptsOf(id)).toBe(1)
    expect((await gateway().api('GET', '/readyz')).status).toBe(200)
    expect((await gateway().api('POST', '/internal/v1/reconcile', undefined, key)).status).toBe(200)
    expect(cluster.kube.pod(before.name)?.metadata.uid).toBe(before.uid)
  })

  test.each([429, 500] as const)('answers %i for a while costs a monitor no attempt', async (status) => {
    cluster.kube.faults.failCalls({}, { status, retryAfterSec: 1 })
    const { id, name } = await played.createMonitor()
    await vi.waitFor(() => expect(cluster.kube.calls.at(-1)?.status).toBe(status), WAIT)
    await delay(1500)
    cluster.kube.faults.clearCalls()
    await played.podNamed(name)
    expect(await played.attemptsOf(id)).toBe(1)
  })

  test('forgets the history of a watch is listed anew, and nothing is missed', async () => {
    const { name, uid } = await played.watched()
    cluster.kube.faults.compact()
    cluster.kube.faults.cutWatches()
    cluster.kube.faults.deletePod(name)
    await played.podNamed(name, uid)
  })

  test('goes silent on a watch is found out by the periodic list', async () => {
    const { name, uid } = await played.watched()
    cluster.kube.faults.silenceWatches()
    cluster.kube.faults.deletePod(name)
    await played.podNamed(name, uid)
    cluster.kube.faults.cutWatches()
  })
})
