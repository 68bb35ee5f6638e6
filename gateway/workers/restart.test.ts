import { expect, test, vi } from 'vitest'

import { repeatWhileUnavailable } from '../testing/overload.ts'
import { startTestCluster, type TestCluster } from '../testing/test-cluster.ts'
import type { TestGateway } from '../testing/test-gateway.ts'
import type { Launcher } from '../ports/launcher.ts'
import { until, WAIT } from '../../shared/testing/until.ts'

const ENV = { MAX_MONITORS: '500', RECONCILE_INTERVAL: '60s' }

/** Creates monitors whose Pods run and have claimed them. */
async function createMonitors(cluster: TestCluster, gateway: TestGateway, count: number): Promise<string[]> {
  const ids = await Promise.all(
    Array.from({ length: count }, async (_, i): Promise<string> => {
      const stream_url = `http://127.0.0.1:9/restart-${i}.m3u8`
      const request = { stream_url, callback_url: cluster.receiver.url }
      // A busy database may answer too late for a call that it has done.
      const headers = { 'idempotency-key': `restart-${i}` }
      const made = await repeatWhileUnavailable(() => gateway.api('POST', '/api/v1/monitors', request, headers))
      return made.json.monitor_id
    }),
  )
  await vi.waitFor(() => expect(cluster.kube.pods()).toHaveLength(count), WAIT)
  await Promise.all(ids.map((id) => claim(gateway, id)))
  return ids
}

const claim = (gateway: TestGateway, id: string) =>
  gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })
const nameOf = (id: string) => `stream-monitor-${id}`
const namesOf = (cluster: TestCluster) => cluster.kube.pods().map(({ metadata }) => metadata.name)
const reconcile = (gateway: TestGateway) =>
  gateway.api('POST', '/internal/v1/reconcile', undefined, {
    'x-internal-api-key': 'test-internal-key-0123456789',
  })

test('a gateway that starts with 200 Pods reconciles orphaned, ended and missing ones in one pass and keeps the rest', async () => {
  await using cluster = await startTestCluster()
  const first = await cluster.startGateway(ENV)
  const ids = await createMonitors(cluster, first, 200)
  await first.gateway.close()

  const [zombies, missing, living] = [ids.slice(0, 5), ids.slice(5, 10), ids.slice(10)]
  const { sql } = cluster.database
  await sql`update monitors set status = 'stopped', ended_at = now() where id = any(${zombies})`
  await sql`update assignments set ended_at = now() where id = any(${zombies})`
  // The gateway was down for longer than a lease, so that no worker could renew its own.
  await sql`update assignments set lease_until = now() - interval '1 min' where id = any(${[...missing, ...living]})`
  for (const id of missing) cluster.kube.faults.deletePod(nameOf(id))
  const orphans = ['a', 'b', 'c', 'd', 'e'].map((letter) => `mon-orphan-${letter}`)
  cluster.kube.insertPods(
    orphans.map((id) => ({
      metadata: { name: nameOf(id), labels: { app: 'stream-monitor', 'monitor-id': id } },
      spec: { containers: [{ name: 'monitor', image: 'example/worker:1' }] },
    })),
  )
  const uids = new Map(cluster.kube.pods().map(({ metadata }) => [metadata.name, metadata.uid]))
  const callsBefore = cluster.kube.calls.length

  await using second = await cluster.startGateway(ENV)
  await vi.waitFor(
    () => expect(namesOf(cluster).toSorted()).toEqual([...missing, ...living].map(nameOf).toSorted()),
    WAIT,
  )
  for (const id of living) expect(cluster.kube.pod(nameOf(id))?.metadata.uid).toBe(uids.get(nameOf(id)))
  const calls = cluster.kube.calls.slice(callsBefore)
  expect(calls.filter(({ method }) => method === 'DELETE')).toHaveLength(10)
  expect(calls.filter(({ method }) => method === 'POST')).toHaveLength(5)
  for (const id of missing) expect((await claim(second, id)).json.epoch).toBe(2)
  expect(cluster.receiver.deliveries).toEqual([])

  const callsBeforeSecond = cluster.kube.calls.length
  expect((await reconcile(second)).json).toEqual({ records: 195, workers: 195, found: {}, left: 0 })
  expect(cluster.kube.calls.slice(callsBeforeSecond).filter(({ path }) => !path.includes('watch='))).toHaveLength(1)
})

/** Wraps a launcher to delay the result of `list` on request, as in a gateway that is frozen before it acts on it. */
function delayList(launcher: Launcher) {
  let freeze: Promise<void> | null = null
  return {
    launcher: {
      ...launcher,
      async list(signal: AbortSignal) {
        const workers = await launcher.list(signal)
        await freeze
        return workers
      },
    },
    freezeUntil(thaw: Promise<void>) {
      freeze = thaw
    },
  }
}

test('a gateway that was frozen between listing and acting changes nothing that another one has reconciled meanwhile', async () => {
  await using cluster = await startTestCluster()
  const frozen = delayList(cluster.createLauncher())
  await using slow = await cluster.startGateway(ENV, frozen.launcher)
  const [silent = '', failed = '', deleted = ''] = await createMonitors(cluster, slow, 3)
  const { sql } = cluster.database
  await using quick = await cluster.startGateway(ENV)

  let thaw = () => {}
  frozen.freezeUntil(new Promise((resolve) => (thaw = resolve)))
  await sql`update assignments set lease_until = now() - interval '1 s' where id = ${silent}`
  const terminated = { exitCode: 137, reason: 'OOMKilled', startedAt: '2026-11-22T00:32:05Z' }
  const container = { name: 'monitor', image: 'x', imageID: 'x', ready: false, restartCount: 0, state: { terminated } }
  cluster.kube.setPodStatus(nameOf(failed), { phase: 'Failed', containerStatuses: [container] })
  const late = reconcile(slow)
  await reconcile(quick)
  await vi.waitFor(() => expect(namesOf(cluster)).not.toContain(nameOf(failed)), WAIT)
  await vi.waitFor(async () => expect((await claim(quick, silent)).json.epoch).toBe(2), WAIT)
  const uids = cluster.kube.pods().map(({ metadata }) => metadata.uid)

  thaw()
  expect((await late).status).toBe(200)
  expect(cluster.kube.pods().map(({ metadata }) => metadata.uid)).toEqual(uids)
  expect(await sql`select id, epoch from assignments where ended_at is null order by epoch desc`).toMatchObject([
    { id: silent, epoch: 2 },
    { id: deleted, epoch: 1 },
  ])
  const delivery = await cluster.receiver.waitFor(({ payload }) => payload.monitor_id === failed)
  expect(delivery.payload.data).toMatchObject({ exit_code: 137, termination_reason: 'OOMKilled' })
  expect(cluster.receiver.deliveries).toHaveLength(1)
})

test('gateways that replace one another fail no request of clients with kept-alive connections', async () => {
  await using cluster = await startTestCluster()
  let gateways = [await cluster.startGateway(ENV)]
  const outcomes: string[] = []
  const stop = new AbortController()
  /** Resolves with a gateway that is ready, as a Service routes. */
  async function routeToReady(): Promise<TestGateway> {
    for (;;) {
      for (const gateway of gateways) {
        const ready = await fetch(`${gateway.url}/readyz`)
          .then((answer) => answer.ok)
          .catch(() => false)
        if (ready) return gateway
      }
    }
  }
  async function sendRequests(): Promise<void> {
    let gateway = await routeToReady()
    while (!stop.signal.aborted) {
      const answer = await gateway.api('GET', '/api/v1/monitors').catch((error: unknown) => String(error))
      outcomes.push(typeof answer === 'string' ? answer : String(answer.status))
      // A connection stays with its gateway; a new one is routed again.
      const isOver = typeof answer === 'string' || answer.headers.get('connection') === 'close'
      if (isOver) gateway = await routeToReady()
    }
  }
  const clients = [sendRequests(), sendRequests()]
  for (let n = 0; n < 2; n++) {
    const next = await cluster.startGateway(ENV)
    const [old] = gateways
    gateways = [next, ...gateways]
    const closing = old?.gateway.close()
    await closing
    gateways = [next]
  }
  await until(() => outcomes.length > 100, 'the clients have sent 100 requests')
  stop.abort()
  await Promise.all(clients)
  await gateways[0]?.gateway.close()
  expect(new Set(outcomes)).toEqual(new Set(['200']))
})
