import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

import { describe, expect, onTestFinished, test } from 'vitest'

import { until } from '../../shared/testing/until.ts'
import { openTestNamespace, readTestCluster, type RealCluster } from '../adapters/kubernetes/testing/real-cluster.ts'
import { createTestDatabase } from '../testing/test-database.ts'
import {
  waitForBlackoutAlert,
  startScenarioSystem,
  expectAllEvents,
  makeScenarioClip,
  createMonitor,
  type ScenarioSystem,
} from '../testing/broadcast-scenario.ts'

/** From POST to the first report of a Pod whose image is there, and from DELETE to its end, in ms. */
const FIRST_REPORT_WITHIN_MS = 5000

/** A port that Pods can reach, before a server that listens on this machine's loopback alone. */
async function openRelay() {
  let target = 0
  const relay = createServer((client) => {
    const server = connect(target, '127.0.0.1')
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => void [client, server].map((one) => one.destroy()))
  })
  await once(relay.listen(0), 'listening')
  onTestFinished(() => void relay.close())
  return {
    port: (relay.address() as AddressInfo).port,
    leadTo(url: string) {
      target = Number(new URL(url).port)
    },
  }
}

/** A gateway of this machine whose workers are Pods of a real cluster, and a broadcast that these can reach. */
async function openRealWorld({ kubeconfig, image, host }: RealCluster, namespace: string) {
  const [clip, database, toGateway, toStream] = await Promise.all([
    makeScenarioClip(),
    createTestDatabase(),
    openRelay(),
    openRelay(),
  ])
  const world = await startScenarioSystem(clip, {
    DATABASE_URL: database.url,
    LAUNCHER: 'kubernetes',
    KUBECONFIG: kubeconfig,
    NAMESPACE: namespace,
    WORKER_IMAGE: image,
    GATEWAY_URL: `http://${host}:${toGateway.port}`,
  })
  onTestFinished(async () => {
    await world[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
    await clip[Symbol.asyncDispose]()
  })
  toGateway.leadTo(world.gateway().origin)
  toStream.leadTo(world.simulator.url)
  const { pathname } = new URL(world.simulator.url)
  return { world, watchStream: () => createMonitor(world, `http://${host}:${toStream.port}${pathname}`) }
}

async function firstReport(world: ScenarioSystem, id: string): Promise<void> {
  const statusOf = async () => (await world.api('GET', `/api/v1/monitors/${id}`)).json.status
  await until(async () => (await statusOf()) !== 'initializing', 'its Pod reports')
}

const isAsked = process.env['TEST_CLUSTER'] === '1'

describe.runIf(isAsked)('a monitor of a real cluster', () => {
  test('is watched by a Pod, which goes when it is deleted', async () => {
    const cluster = readTestCluster(process.env)
    const { namespace, launcher } = await openTestNamespace(cluster)
    const { world, watchStream } = await openRealWorld(cluster, namespace)
    // The first one has the image pulled.
    const first = await watchStream()
    await firstReport(world, first)
    await world.api('DELETE', `/api/v1/monitors/${first}`)
    const podsLeft = async () => (await launcher.list(AbortSignal.timeout(10_000))).length
    await until(async () => (await podsLeft()) === 0, 'its Pod is gone')

    const postedMs = Date.now()
    await firstReport(world, await watchStream())
    expect(Date.now() - postedMs).toBeLessThan(FIRST_REPORT_WITHIN_MS)
  })

  test('publishes every event, though its Pod is deleted in the middle, and leaves no Pod behind', async () => {
    const cluster = readTestCluster(process.env)
    const { namespace, launcher } = await openTestNamespace(cluster)
    const { world, watchStream } = await openRealWorld(cluster, namespace)
    const id = await watchStream()
    await waitForBlackoutAlert(world)
    await launcher.stop({ name: `stream-monitor-${id}` }, 0)
    await expectAllEvents(expect, world, id)
    const podsLeft = async () => (await launcher.list(AbortSignal.timeout(10_000))).length
    await until(async () => (await podsLeft()) === 0, 'no Pod is left')
  })
})

test('a test of a real cluster names every setting that it needs', () => {
  expect(() => readTestCluster({})).toThrow(/KUBECONFIG[\s\S]*TEST_IMAGE[\s\S]*TEST_HOST/)
})
