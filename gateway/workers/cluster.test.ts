import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { terminatedState, startSimulatedCluster, type SimulatedCluster } from '../testing/workers/simulated-pods.ts'
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

/** Resolves once the launch of a monitor's Pod is recorded. */
const waitUntilLaunchRecorded = (id: string) =>
  vi.waitFor(async () => {
    const rows = await cluster.database
      .sql`select 1 from assignments where id = ${id} and lease_until > launched_at + interval '30 s'`
    expect(rows).toHaveLength(1)
  }, WAIT)
const callsOf = (method: string, name: string) =>
  cluster.kube.calls.filter((call) => call.method === method && call.path.includes(name))

async function waitForOnlyError(id: string) {
  await cluster.receiver.waitFor(({ payload }) => payload.monitor_id === id)
  expect(await pods.statusOf(id)).toBe('error')
  const events = cluster.eventsOf(id)
  expect(events.map(({ event_type }) => event_type)).toEqual(['monitor.error'])
  return events[0]?.data
}

const waitUntilDeleted = (name: string) => vi.waitFor(() => expect(cluster.kube.pod(name)).toBeNull(), WAIT)

describe('a monitor in a cluster', () => {
  test('has one Pod, which is created once and deleted with the monitor', async () => {
    const { id, name } = await pods.createMonitor()
    const pod = await pods.waitForPod(name)
    expect(pod.metadata.labels).toMatchObject({ app: 'stream-monitor', 'monitor-id': id })
    expect(await gateway().api('DELETE', `/api/v1/monitors/${id}`)).toMatchObject({ status: 200 })
    await waitUntilDeleted(name)
    expect(cluster.kube.calls.filter(({ method, status }) => method === 'POST' && status === 201)).toHaveLength(1)
    expect(cluster.eventsOf(id)).toEqual([])
  })

  test('whose Pod is deleted gets a new one, which resumes with the next epoch', async () => {
    const { id, name, uid } = await pods.createClaimedMonitor()
    cluster.kube.faults.deletePod(name)
    await pods.waitForPod(name, uid)
    expect((await pods.claim(id)).json.epoch).toBe(2)
    expect([await pods.statusOf(id), cluster.eventsOf(id)]).toEqual(['initializing', []])
  })

  test('whose Pods are deleted repeatedly ends with one event once its attempts are used up', async () => {
    const { id, name, uid } = await pods.createClaimedMonitor()
    let last = uid
    for (let n = 1; n < 5; n++) {
      cluster.kube.faults.deletePod(name)
      last = (await pods.waitForPod(name, last)).metadata.uid
      await pods.claim(id)
    }
    cluster.kube.faults.deletePod(name)
    expect(await waitForOnlyError(id)).toMatchObject({
      reason: 'reconciliation_mismatch',
      exit_code: -1,
      termination_reason: 'Missing',
      pod_name: name,
      reconciliation_action: 'ended_monitor',
      previous_status: 'initializing',
      observed_state: 'missing',
    })
  })

  test('whose Pod has failed ends at once with its exit code and reason, and the Pod is deleted', async () => {
    const { id, name } = await pods.createClaimedMonitor()
    pods.setContainer(name, { state: terminatedState(137, 'OOMKilled', 'line 1\nline 2\n') }, 'Failed')
    expect(await waitForOnlyError(id)).toMatchObject({
      exit_code: 137,
      termination_reason: 'OOMKilled',
      message: 'line 1\nline 2',
      pod_name: name,
      observed_state: 'failed',
    })
    await waitUntilDeleted(name)
  })

  test('ends before its last Pod is deleted, so that no other gateway sees a missing Pod and relaunches it', async () => {
    const { id, name } = await pods.createClaimedMonitor()
    cluster.kube.faults.failCalls({ method: 'DELETE', path: name }, { status: 500 })
    pods.setContainer(name, { state: terminatedState(137, 'OOMKilled') }, 'Failed')
    expect(await waitForOnlyError(id)).toMatchObject({ exit_code: 137, observed_state: 'failed' })
    cluster.kube.faults.clearCalls()
    await waitUntilDeleted(name)
  })

  test('whose Pod crashes repeatedly ends after the fifth failure, with its last log lines', async () => {
    const { id, name } = await pods.createMonitor()
    await pods.waitForPod(name)
    const crash = terminatedState(3, 'Error', 'boom\n')
    const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } }
    pods.setContainer(name, { state: waiting, lastState: crash, restartCount: 3 }, 'Running')
    await vi.waitFor(async () => expect(await pods.attemptsOf(id)).toBe(4), WAIT)
    expect(await pods.statusOf(id)).toBe('initializing')
    pods.setContainer(name, { state: crash, lastState: crash, restartCount: 4 }, 'Running')
    expect(await waitForOnlyError(id)).toMatchObject({ exit_code: 3, message: 'boom', observed_state: 'crash_looping' })
    await waitUntilDeleted(name)
  })

  test('is not affected by a foreign Pod with the same labels', async () => {
    const { id, name, uid } = await pods.createClaimedMonitor()
    const labels = { app: 'stream-monitor', 'monitor-id': id }
    const container = { name: 'monitor', image: 'x:1' }
    cluster.kube.insertPods([{ metadata: { name: 'zz-copy', labels }, spec: { containers: [container] } }])
    pods.setContainer('zz-copy', { state: terminatedState(1, 'Error') }, 'Failed')
    const key = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    const { json } = await gateway().api('POST', '/internal/v1/reconcile', undefined, key)
    expect([json.found, cluster.kube.pod(name)?.metadata.uid]).toEqual([{}, uid])
    expect([await pods.statusOf(id), cluster.eventsOf(id)]).toEqual(['initializing', []])
    expect(cluster.kube.pod('zz-copy')).not.toBeNull()
    cluster.kube.faults.deletePod('zz-copy')
  })

  test('whose Pod ran out of memory and was restarted goes on, with one attempt used', async () => {
    const { id, name, uid } = await pods.createClaimedMonitor()
    pods.setRunning(name, 1, terminatedState(137, 'OOMKilled'))
    await vi.waitFor(async () => expect(await pods.attemptsOf(id)).toBe(2), WAIT)
    expect((await pods.claim(id)).json.epoch).toBe(2)
    expect(cluster.kube.pod(name)?.metadata.uid).toBe(uid)
    expect([await pods.statusOf(id), cluster.eventsOf(id)]).toEqual(['initializing', []])
  })

  test.each([
    ['was evicted', { reason: 'Evicted', message: 'The node was low on resource: memory.' }],
    [
      'was stopped with its node',
      { reason: 'NodeShutdown', message: 'Pod was terminated in response to node shutdown.' },
    ],
  ])('whose Pod %s gets a new one', async (_what, status) => {
    const { id, name, uid } = await pods.createClaimedMonitor()
    pods.setContainer(name, { state: terminatedState(137, 'Error') }, 'Failed', status)
    await pods.waitForPod(name, uid)
    expect(cluster.eventsOf(id)).toEqual([])
  })

  test('whose Pod completed before the end of the monitor gets a new one', async () => {
    const { id, name, uid } = await pods.createClaimedMonitor()
    pods.setContainer(name, { state: terminatedState(0, 'Completed') }, 'Succeeded')
    await pods.waitForPod(name, uid)
    expect(cluster.eventsOf(id)).toEqual([])
  })

  test('that has reported its end keeps its final status, and its completed Pod is deleted', async () => {
    const { id, name } = await pods.createClaimedMonitor()
    const event = { event_type: 'stream.ended', timestamp: new Date().toISOString(), data: { reason: 'was_live' } }
    const report = buildReport(1, 1, { mode: 'completed', stream_status: 'ended', events: [event as never] })
    expect((await gateway().callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, report)).status).toBe(200)
    pods.setContainer(name, { state: terminatedState(0, 'Completed') }, 'Succeeded')
    await waitUntilDeleted(name)
    expect(await pods.statusOf(id)).toBe('completed')
    expect(cluster.eventsOf(id).map(({ event_type }) => event_type)).toEqual(['stream.ended'])
  })

  test('whose Pod name is taken by a foreign Pod ends with that reason', async () => {
    cluster.kube.faults.failCalls({ method: 'POST', path: '/pods', times: 1 }, { status: 503 })
    const { id, name } = await pods.createMonitor()
    cluster.kube.insertPods([
      { metadata: { name, labels: { app: 'something-else' } }, spec: { containers: [{ name: 'x', image: 'x:1' }] } },
    ])
    cluster.kube.faults.clearCalls()
    expect(await waitForOnlyError(id)).toMatchObject({
      termination_reason: 'NameTaken',
      observed_state: 'not_launched',
    })
    expect(cluster.kube.pod(name)?.metadata.labels).toEqual({ app: 'something-else' })
    cluster.kube.faults.deletePod(name)
  })

  test('that exceeds the quota of the namespace ends with that reason, and the API stays available', async () => {
    cluster.kube.faults.setQuota({ name: 'none', pods: 0 })
    const { id } = await pods.createMonitor()
    expect((await gateway().api('GET', '/api/v1/monitors')).status).toBe(200)
    const data = await waitForOnlyError(id)
    cluster.kube.faults.setQuota(null)
    expect(data).toMatchObject({ termination_reason: 'ExceededQuota' })
    expect(data?.['message']).toContain('exceeded quota')
  })

  test('whose Pod was created without a record of it keeps that Pod', async () => {
    const { id, name } = await pods.createMonitor()
    const { uid } = (await pods.waitForPod(name)).metadata
    await waitUntilLaunchRecorded(id)
    await cluster.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${id}`
    await vi.waitFor(async () => {
      const [row] = await cluster.database.sql`select lease_until > now() as ok from assignments where id = ${id}`
      expect(row?.['ok']).toBe(true)
    }, WAIT)
    expect(cluster.kube.pod(name)?.metadata.uid).toBe(uid)
    expect(callsOf('DELETE', name)).toEqual([])
  })

  test('whose Pod was never created because its gateway died gets one', async () => {
    const { id, name } = await pods.createMonitor()
    const { uid } = (await pods.waitForPod(name)).metadata
    await waitUntilLaunchRecorded(id)
    cluster.kube.faults.deletePod(name)
    await cluster.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${id}`
    await pods.waitForPod(name, uid)
  })

  test('whose old Pod is still terminating gets a new one after its end', async () => {
    const { name, uid } = await pods.createClaimedMonitor()
    const path = `${cluster.kube.url}/api/v1/namespaces/tallylight/pods/${name}`
    const headers = { authorization: `Bearer ${cluster.kube.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ gracePeriodSeconds: 2 })
    cluster.kube.faults.ignoreSigterm(name)
    await fetch(path, { method: 'DELETE', headers, body })
    await pods.waitForPod(name, uid)
  })
})
