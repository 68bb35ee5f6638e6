import { expect, vi } from 'vitest'

import { startTestCluster, type TestCluster } from './test-cluster.ts'
import type { TestGateway, TestGatewayOptions } from './test-gateway.ts'

/** How long a test waits for what the gateways and the cluster do by themselves. */
export const WAIT = { timeout: 20_000, interval: 20 }

let streams = 0

export type PlayedCluster = AsyncDisposable & {
  readonly cluster: TestCluster
  /** One of two gateways, so that everything is seen by both, and must be done once. */
  readonly gateway: TestGateway
  readonly played: ReturnType<typeof playPods>
}

export async function startPlayedCluster(more: TestGatewayOptions['settings'] = {}): Promise<PlayedCluster> {
  const cluster = await startTestCluster()
  const settings = { maxMonitors: 500, reconcileIntervalMs: 1000, ...more }
  const gateways = await Promise.all([cluster.startGateway(settings), cluster.startGateway(settings)])
  const [gateway] = gateways
  return {
    cluster,
    gateway,
    played: playPods(cluster, gateway),
    async [Symbol.asyncDispose]() {
      await Promise.all(gateways.map((one) => one[Symbol.asyncDispose]()))
      await cluster[Symbol.asyncDispose]()
    },
  }
}

/** Monitors whose Pods the test plays: it sets their status, and makes their workers' calls. */
function playPods(cluster: TestCluster, gateway: TestGateway) {
  async function createMonitor(): Promise<{ id: string; name: string }> {
    streams += 1
    const stream_url = `http://127.0.0.1:9/cluster-${streams}.m3u8`
    const made = await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: cluster.receiver.url })
    expect(made.status).toBe(201)
    const id: string = made.json.monitor_id
    return { id, name: `stream-monitor-${id}` }
  }

  /** The Pod of that name, once it is there; another one than `before`. */
  function podNamed(name: string, before?: string) {
    return vi.waitFor(() => {
      const pod = cluster.kube.pod(name)
      if (pod === null || pod.metadata.uid === before || pod.metadata.deletionTimestamp) throw new Error(`no ${name}`)
      return pod
    }, WAIT)
  }

  const claim = (id: string) =>
    gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() })

  /** A monitor whose Pod runs, and has claimed. */
  async function watched(): Promise<{ id: string; name: string; uid: string }> {
    const { id, name } = await createMonitor()
    const { uid } = (await podNamed(name)).metadata
    run(name)
    expect((await claim(id)).status).toBe(200)
    return { id, name, uid }
  }

  function run(name: string, restartCount = 0, lastState: object = {}): void {
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

  return { createMonitor, podNamed, claim, watched, run, setContainer, statusOf, attemptsOf }
}

/** A container that has ended, as a state or last state. */
export const ended = (exitCode: number, reason: string, message = '') => ({
  terminated: {
    exitCode,
    reason,
    message,
    startedAt: '2026-11-22T00:32:05Z',
    finishedAt: '2026-11-22T00:32:05Z',
  },
})
