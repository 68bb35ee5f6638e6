import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, test } from 'vitest'

import type { Clip } from '../../shared/testing/clips.ts'
import { until } from '../../shared/testing/until.ts'
import { bundleWorker } from '../adapters/process/worker-bundle.ts'
import { startFakeKubernetes, type FakeKubernetes } from '../testing/fake-kubernetes/index.ts'
import { createTestDatabase, type TestDatabase } from '../testing/test-database.ts'
import {
  waitForBlackoutAlert,
  startScenarioSystem,
  expectAllEvents,
  makeScenarioClip,
  createMonitor,
} from '../testing/broadcast-scenario.ts'

let clip: Clip
let folder: string
let entry: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tallylight-cluster-'))
  ;[clip, entry] = await Promise.all([makeScenarioClip(), bundleWorker(folder)])
})
afterAll(async () => {
  await clip[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** A gateway in a process of its own, whose Pods run real workers. */
function createClusterWorld(kube: FakeKubernetes, { url }: TestDatabase) {
  return startScenarioSystem(clip, {
    DATABASE_URL: url,
    LAUNCHER: 'kubernetes',
    KUBECONFIG: kube.kubeconfigPath,
    WORKER_IMAGE: 'example/worker:1',
    GATEWAY_DEPLOYMENT: 'tallylight-gateway',
  })
}

const startKube = () => startFakeKubernetes({ runPods: { entry }, restrictedPods: true, backoffFactor: 0.01 })

describe.concurrent('a monitor whose worker is a Pod', () => {
  test('publishes every event, though the Pod is deleted in the middle, and leaves no Pod behind', async ({
    expect,
  }) => {
    await using kube = await startKube()
    await using database = await createTestDatabase()
    await using world = await createClusterWorld(kube, database)
    const id = await createMonitor(world)
    const name = `stream-monitor-${id}`
    await until(() => kube.pod(name) !== null, 'there is a Pod')
    expect(kube.pod(name)?.metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name: 'tallylight-gateway' }])
    await waitForBlackoutAlert(world)
    kube.faults.deletePod(name)
    await expectAllEvents(expect, world, id)
    await until(() => kube.pods().length === 0, 'no Pod is left')
  })

  test('publishes every event, though its container is killed and its gateway dies', async ({ expect }) => {
    await using kube = await startKube()
    await using database = await createTestDatabase()
    await using world = await createClusterWorld(kube, database)
    const id = await createMonitor(world)
    const name = `stream-monitor-${id}`
    await waitForBlackoutAlert(world)
    const uid = kube.pod(name)?.metadata.uid
    kube.faults.killContainer(name, { exitCode: 137, reason: 'OOMKilled' })
    world.gateway().kill('SIGKILL')
    await world.gateway().exited
    await world.startGateway()
    await until(() => kube.pod(name)?.status.containerStatuses?.[0]?.restartCount === 1, 'the kubelet restarted it')
    expect(kube.pod(name)?.metadata.uid).toBe(uid)
    await expectAllEvents(expect, world, id)
    await until(() => kube.pods().length === 0, 'no Pod is left')
  })

  test('is over when it is deleted: its Pod goes', async ({ expect }) => {
    await using kube = await startKube()
    await using database = await createTestDatabase()
    await using world = await createClusterWorld(kube, database)
    const id = await createMonitor(world)
    await world.receiver.waitFor(({ payload }) => payload.event_type === 'stream.started')
    expect((await world.api('DELETE', `/api/v1/monitors/${id}`)).status).toBe(200)
    await until(() => kube.pods().length === 0, 'its Pod is gone')
  })

  test('that crashes at each start ends with one error that has its last words', async ({ expect }) => {
    const crashing = join(folder, 'crashing.mjs')
    await writeFile(crashing, `console.log('no luck'); process.exitCode = 3`)
    await using kube = await startFakeKubernetes({ runPods: { entry: crashing }, backoffFactor: 0.01 })
    await using database = await createTestDatabase()
    await using world = await createClusterWorld(kube, database)
    const id = await createMonitor(world)
    const told = await world.receiver.waitFor(({ payload }) => payload.event_type === 'monitor.error')
    expect(told.payload).toMatchObject({
      monitor_id: id,
      data: { exit_code: 3, message: 'no luck', observed_state: 'crash_looping' },
    })
    await until(() => kube.pods().length === 0, 'no Pod is left')
    expect(world.receiver.deliveries).toHaveLength(1)
  })
})
