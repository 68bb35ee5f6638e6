import { createLog } from '../../shared/log.ts'
import { createPodClient } from '../adapters/kubernetes/client.ts'
import { createKubernetesLauncher } from '../adapters/kubernetes/launcher.ts'
import { accessBySettings } from '../adapters/kubernetes/settings-credentials.ts'
import { systems } from '../systems.ts'
import type { Launcher } from '../workers/launcher.ts'
import { startFakeKubernetes, type FakeKubernetes, type FakeKubernetesOptions } from './fake-kubernetes/index.ts'
import { startReceiver, type Receiver } from './receiver.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import {
  startTestGateway,
  TEST_KEYS,
  TEST_SETTINGS,
  type TestGateway,
  type TestGatewayOptions,
} from './test-gateway.ts'

/** A cluster whose Pods are played by the test, a database, a receiver of webhooks, and gateways over all of it. */
export type TestCluster = AsyncDisposable & {
  readonly kube: FakeKubernetes
  readonly database: TestDatabase
  readonly receiver: Receiver
  /** A gateway whose workers are this cluster's Pods. */
  startGateway(settings?: TestGatewayOptions['settings'], launcher?: Launcher): Promise<TestGateway>
  /** A launcher of its own, for a test that comes between. */
  createLauncher(): Launcher
  /** What monitors' receivers were told of one of them, each event once. */
  eventsOf(
    monitorId: string,
  ): readonly { readonly event_type: string; readonly data: Readonly<Record<string, unknown>> }[]
}

export async function startTestCluster(options: FakeKubernetesOptions = {}): Promise<TestCluster> {
  const kube = await startFakeKubernetes(options)
  const database = await createTestDatabase()
  const receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const createLauncher = () => launcherOf(kube)
  return {
    kube,
    database,
    receiver,
    createLauncher,
    startGateway: (settings = {}, launcher = createLauncher()) => startTestGateway({ settings, launcher, database }),
    eventsOf(monitorId) {
      const payloads = receiver.deliveries.map(({ payload }) => payload).filter((one) => one.monitor_id === monitorId)
      return [...new Map(payloads.map((payload) => [payload.event_id, payload])).values()]
    },
    async [Symbol.asyncDispose]() {
      await kube[Symbol.asyncDispose]()
      await receiver[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

function launcherOf({ url, token, namespace }: FakeKubernetes): Launcher {
  return createKubernetesLauncher({
    client: createPodClient({ ...accessBySettings({ server: url, token }), namespace }),
    roles: systems.map(({ workerKind }) => workerKind.role(TEST_SETTINGS)),
    image: 'example/worker:1',
    secret: 'example-secret',
    namespace,
    deployment: null,
    log: createLog('test', 'error', () => {}),
  })
}
