import { expect, vi } from 'vitest'

import { WAIT } from '../../../shared/testing/until.ts'
import { startTestCluster, type TestCluster } from '../test-cluster.ts'
import type { TestGateway, TestGatewayOptions } from '../test-gateway.ts'

/** Monitors created so far in this process; each has a stream of its own. */
let streams = 0

/** A test cluster with two gateways, whose Pods exist as records only: the test sets their status. */
export type SimulatedCluster = AsyncDisposable & {
  readonly cluster: TestCluster
  /** One of two gateways. Both observe every change, so the tests also prove that each action happens once. */
  readonly gateway: TestGateway
  readonly pods: ReturnType<typeof simulatePods>
}

/** Starts a fake cluster and two gateways on one database; `env` adds settings to both. */
export async function startSimulatedCluster(env: TestGatewayOptions['env'] = {}): Promise<SimulatedCluster> {
  const cluster = await startTestCluster()
  const settings = { MAX_MONITORS: '500', RECONCILE_INTERVAL: '1s', ...env }
  const gateways = await Promise.all([cluster.startGateway(settings), cluster.startGateway(settings)])
  const [gateway] = gateways
  return {
    cluster,
    gateway,
    pods: simulatePods(cluster, gateway),
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((one) => one[Symbol.asyncDispose]()))
      await cluster[Symbol.asyncDispose]()
    },
  }
}

/** Creates the helpers that create monitors, set the status of their Pods, and make the calls of their workers. */
function simulatePods(cluster: TestCluster, gateway: TestGateway) {
  async function createMonitor(): Promise<{ id: string; name: string }> {
    streams += 1
    const stream_url = `http://127.0.0.1:9/cluster-${streams}.m3u8`
    const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: cluster.receiver.url })
    expect(made.status).toBe(201)
    const id: string = made.json.monitor_id
    return { id, name: `stream-monitor-${id}` }
  }

  /** Resolves with the Pod of that name once it exists, is not terminating, and is not the Pod with `previousUid`. */
  function waitForPod(name: string, previousUid?: string) {
    return vi.waitFor(() => {
      const pod = cluster.kube.pod(name)
      const isNew = pod !== null && pod.metadata.uid !== previousUid && !pod.metadata.deletionTimestamp
      if (!isNew) throw new Error(`there is no new Pod ${name}`)
      return pod
    }, WAIT)
  }

  const claim = (id: string) =>
    gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })

  /** Creates a monitor whose Pod runs and whose worker has claimed it. */
  async function createClaimedMonitor(): Promise<{ id: string; name: string; uid: string }> {
    const { id, name } = await createMonitor()
    const { uid } = (await waitForPod(name)).metadata
    setRunning(name)
    expect((await claim(id)).status).toBe(200)
    return { id, name, uid }
  }

  function setRunning(name: string, restartCount = 0, lastState: object = {}): void {
    const state = { running: { startedAt: '2026-11-22T00:31:10Z' } }
    setContainer(name, { state, lastState, ready: true, started: true, restartCount }, 'Running')
  }

  function setContainer(name: string, container: object, phase: string, more: object = {}): void {
    const status = { name: 'monitor', image: 'example/worker:1', imageID: 'sha256:1', ready: false, restartCount: 0 }
    cluster.kube.setPodStatus(name, { phase, containerStatuses: [{ ...status, ...container }], ...more })
  }

  const statusOf = async (id: string): Promise<string> =>
    (await gateway.api('GET', `/api/v1/monitors/${id}`)).json.status
  const attemptsOf = async (id: string): Promise<unknown> =>
    (await cluster.database.sql`select attempts from assignments where id = ${id}`)[0]?.['attempts']

  return { createMonitor, waitForPod, claim, createClaimedMonitor, setRunning, setContainer, statusOf, attemptsOf }
}

/** Returns a container state of Kubernetes for a container that has ended. */
export const terminatedState = (exitCode: number, reason: string, message = '') => ({
  terminated: {
    exitCode,
    reason,
    message,
    startedAt: '2026-11-22T00:32:05Z',
    finishedAt: '2026-11-22T00:32:05Z',
  },
})
