import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { ended, startPlayedCluster, WAIT, type PlayedCluster } from '../testing/played-pods.ts'
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

/** Resolves once the launch of a monitor's Pod is noted as done. */
const noted = (id: string) =>
  vi.waitFor(async () => {
    const rows = await cluster.database
      .sql`select 1 from assignments where id = ${id} and lease_until > launched_at + interval '30 s'`
    expect(rows).toHaveLength(1)
  }, WAIT)
const callsOf = (method: string, name: string) =>
  cluster.kube.calls.filter((call) => call.method === method && call.path.includes(name))

async function theOneError(id: string) {
  await cluster.receiver.waitFor(({ payload }) => payload.monitor_id === id, 25_000)
  expect(await played.statusOf(id)).toBe('error')
  const events = cluster.eventsOf(id)
  expect(events.map(({ event_type }) => event_type)).toEqual(['monitor.error'])
  return events[0]?.data
}

const gone = (name: string) => vi.waitFor(() => expect(cluster.kube.pod(name)).toBeNull(), WAIT)

describe('a monitor in a cluster', () => {
  test('has one Pod, which is created once and goes when the monitor is deleted', async () => {
    const { id, name } = await played.createMonitor()
    const pod = await played.podNamed(name)
    expect(pod.metadata.labels).toMatchObject({ app: 'stream-monitor', 'monitor-id': id })
    expect(await gateway().api('DELETE', `/api/v1/monitors/${id}`)).toMatchObject({ status: 200 })
    await gone(name)
    expect(cluster.kube.calls.filter(({ method, status }) => method === 'POST' && status === 201)).toHaveLength(1)
    expect(cluster.eventsOf(id)).toEqual([])
  })

  test('whose Pod is deleted gets another one, which resumes under the next epoch', async () => {
    const { id, name, uid } = await played.watched()
    cluster.kube.faults.deletePod(name)
    await played.podNamed(name, uid)
    expect((await played.claim(id)).json.epoch).toBe(2)
    expect([await played.statusOf(id), cluster.eventsOf(id)]).toEqual(['initializing', []])
  })

  test('whose Pods are deleted again and again ends once its attempts are used up, with one event', async () => {
    const { id, name, uid } = await played.watched()
    let last = uid
    for (let n = 1; n < 5; n++) {
      cluster.kube.faults.deletePod(name)
      last = (await played.podNamed(name, last)).metadata.uid
      await played.claim(id)
    }
    cluster.kube.faults.deletePod(name)
    expect(await theOneError(id)).toMatchObject({
      reason: 'reconciliation_mismatch',
      exit_code: -1,
      termination_reason: 'Missing',
      pod_name: name,
      reconciliation_action: 'ended_monitor',
      previous_status: 'initializing',
      observed_state: 'missing',
    })
  }, 40_000)

  test('whose Pod has failed ends at once with its exit code and reason, and the Pod is deleted', async () => {
    const { id, name } = await played.watched()
    played.setContainer(name, { state: ended(137, 'OOMKilled', 'line 1\nline 2\n') }, 'Failed')
    expect(await theOneError(id)).toMatchObject({
      exit_code: 137,
      termination_reason: 'OOMKilled',
      message: 'line 1\nline 2',
      pod_name: name,
      observed_state: 'failed',
    })
    await gone(name)
  })

  test('ends before its last Pod goes, which another gateway would take for one that somebody has deleted', async () => {
    const { id, name } = await played.watched()
    cluster.kube.faults.failCalls({ method: 'DELETE', path: name }, { status: 500 })
    played.setContainer(name, { state: ended(137, 'OOMKilled') }, 'Failed')
    expect(await theOneError(id)).toMatchObject({ exit_code: 137, observed_state: 'failed' })
    cluster.kube.faults.clearCalls()
    await gone(name)
  })

  test('whose Pod crashes again and again ends when it has failed five times, with its last lines', async () => {
    const { id, name } = await played.createMonitor()
    await played.podNamed(name)
    const crash = ended(3, 'Error', 'boom\n')
    const waiting = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s restarting failed container' } }
    played.setContainer(name, { state: waiting, lastState: crash, restartCount: 3 }, 'Running')
    await vi.waitFor(async () => expect(await played.attemptsOf(id)).toBe(4), WAIT)
    expect(await played.statusOf(id)).toBe('initializing')
    played.setContainer(name, { state: crash, lastState: crash, restartCount: 4 }, 'Running')
    expect(await theOneError(id)).toMatchObject({ exit_code: 3, message: 'boom', observed_state: 'crash_looping' })
    await gone(name)
  })

  test('does not suffer from a Pod that somebody has copied its labels to', async () => {
    const { id, name, uid } = await played.watched()
    const labels = { app: 'stream-monitor', 'monitor-id': id }
    const container = { name: 'monitor', image: 'x:1' }
    cluster.kube.insertPods([{ metadata: { name: 'zz-copy', labels }, spec: { containers: [container] } }])
    played.setContainer('zz-copy', { state: ended(1, 'Error') }, 'Failed')
    const key = { 'x-internal-api-key': TEST_KEYS.INTERNAL_API_KEY }
    const { json } = await gateway().api('POST', '/internal/v1/reconcile', undefined, key)
    expect([json.found, cluster.kube.pod(name)?.metadata.uid]).toEqual([{}, uid])
    expect([await played.statusOf(id), cluster.eventsOf(id)]).toEqual(['initializing', []])
    expect(cluster.kube.pod('zz-copy')).not.toBeNull()
    cluster.kube.faults.deletePod('zz-copy')
  })

  test('whose Pod ran out of memory once and was restarted lives on, one attempt poorer', async () => {
    const { id, name, uid } = await played.watched()
    played.run(name, 1, ended(137, 'OOMKilled'))
    await vi.waitFor(async () => expect(await played.attemptsOf(id)).toBe(2), WAIT)
    expect((await played.claim(id)).json.epoch).toBe(2)
    expect(cluster.kube.pod(name)?.metadata.uid).toBe(uid)
    expect([await played.statusOf(id), cluster.eventsOf(id)]).toEqual(['initializing', []])
  })

  test.each([
    ['was evicted', { reason: 'Evicted', message: 'The node was low on resource: memory.' }],
    ['went with its node', { reason: 'NodeShutdown', message: 'Pod was terminated in response to node shutdown.' }],
  ])('whose Pod %s gets another one', async (_what, status) => {
    const { id, name, uid } = await played.watched()
    played.setContainer(name, { state: ended(137, 'Error') }, 'Failed', status)
    await played.podNamed(name, uid)
    expect(cluster.eventsOf(id)).toEqual([])
  })

  test('whose Pod completed before the monitor was at its end gets another one', async () => {
    const { id, name, uid } = await played.watched()
    played.setContainer(name, { state: ended(0, 'Completed') }, 'Succeeded')
    await played.podNamed(name, uid)
    expect(cluster.eventsOf(id)).toEqual([])
  })

  test('that has reported its end is left as it ended, and its completed Pod is deleted', async () => {
    const { id, name } = await played.watched()
    const event = { event_type: 'stream.ended', timestamp: new Date().toISOString(), data: { reason: 'was_live' } }
    const report = reportOf(1, 1, { mode: 'completed', stream_status: 'ended', events: [event as never] })
    expect((await gateway().callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, report)).status).toBe(200)
    played.setContainer(name, { state: ended(0, 'Completed') }, 'Succeeded')
    await gone(name)
    expect(await played.statusOf(id)).toBe('completed')
    expect(cluster.eventsOf(id).map(({ event_type }) => event_type)).toEqual(['stream.ended'])
  })

  test('whose name another Pod has taken ends with the reason', async () => {
    cluster.kube.faults.failCalls({ method: 'POST', path: '/pods', times: 1 }, { status: 503 })
    const { id, name } = await played.createMonitor()
    cluster.kube.insertPods([
      { metadata: { name, labels: { app: 'something-else' } }, spec: { containers: [{ name: 'x', image: 'x:1' }] } },
    ])
    cluster.kube.faults.clearCalls()
    expect(await theOneError(id)).toMatchObject({ termination_reason: 'NameTaken', observed_state: 'not_launched' })
    expect(cluster.kube.pod(name)?.metadata.labels).toEqual({ app: 'something-else' })
    cluster.kube.faults.deletePod(name)
  }, 40_000)

  test('that the namespace has no room for ends with the reason, and the API serves on', async () => {
    cluster.kube.faults.setQuota({ name: 'none', pods: 0 })
    const { id } = await played.createMonitor()
    expect((await gateway().api('GET', '/api/v1/monitors')).status).toBe(200)
    const data = await theOneError(id)
    cluster.kube.faults.setQuota(null)
    expect(data).toMatchObject({ termination_reason: 'ExceededQuota' })
    expect(data?.['message']).toContain('exceeded quota')
  }, 40_000)

  test('whose Pod was created, which nobody noted, keeps that Pod', async () => {
    const { id, name } = await played.createMonitor()
    const { uid } = (await played.podNamed(name)).metadata
    await noted(id)
    await cluster.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${id}`
    await vi.waitFor(async () => {
      const [row] = await cluster.database.sql`select lease_until > now() as ok from assignments where id = ${id}`
      expect(row?.['ok']).toBe(true)
    }, WAIT)
    expect(cluster.kube.pod(name)?.metadata.uid).toBe(uid)
    expect(callsOf('DELETE', name)).toEqual([])
  })

  test('whose Pod was never created, since its gateway died, gets it', async () => {
    const { id, name } = await played.createMonitor()
    const { uid } = (await played.podNamed(name)).metadata
    await noted(id)
    cluster.kube.faults.deletePod(name)
    await cluster.database.sql`update assignments set lease_until = now() - interval '1 s' where id = ${id}`
    await played.podNamed(name, uid)
  })

  test('whose old Pod is still terminating gets the next one when that is gone', async () => {
    const { name, uid } = await played.watched()
    const path = `${cluster.kube.url}/api/v1/namespaces/tallylight/pods/${name}`
    const headers = { authorization: `Bearer ${cluster.kube.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ gracePeriodSeconds: 2 })
    cluster.kube.faults.ignoreSigterm(name)
    await fetch(path, { method: 'DELETE', headers, body })
    await played.podNamed(name, uid)
  })
})
