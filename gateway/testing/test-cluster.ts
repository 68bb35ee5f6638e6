import { createLog } from '../../shared/log.ts'
import { createPodClient } from '../adapters/kubernetes/pod-client.ts'
import { createKubernetesLauncher } from '../adapters/kubernetes/launcher.ts'
import { createTokenAccess } from '../adapters/kubernetes/token-access.ts'
import type { Launcher, WorkerRole } from '../ports/launcher.ts'
import { startFakeKubernetes, type FakeKubernetes, type FakeKubernetesOptions } from './fake-kubernetes/index.ts'
import { startReceiver, type Receiver } from './receiver.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import {
  startTestGateway,
  TEST_KEYS,
  createTestSettings,
  type TestGateway,
  type TestGatewayOptions,
} from './test-gateway.ts'

/** A fake cluster, a database, a webhook receiver, and gateways that use all of them. */
export type TestCluster = AsyncDisposable & {
  readonly kube: FakeKubernetes
  readonly database: TestDatabase
  readonly receiver: Receiver
  /** Starts a gateway whose workers are Pods of this cluster. */
  startGateway(env?: TestGatewayOptions['env'], launcher?: Launcher): Promise<TestGateway>
  /** Creates another launcher on this cluster, for tests that intercept its calls. */
  createLauncher(): Launcher
  /** Returns the delivered events of a monitor, each once. */
  eventsOf(
    monitorId: string,
  ): readonly { readonly event_type: string; readonly data: Readonly<Record<string, unknown>> }[]
}

/** Starts a fake cluster, a database and a receiver. */
export async function startTestCluster(options: FakeKubernetesOptions = {}): Promise<TestCluster> {
  const kube = await startFakeKubernetes(options)
  const database = await createTestDatabase()
  const receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY)
  const { systems } = await createTestSettings()
  const roles = systems.flatMap(({ workerRoles }) => workerRoles)
  const createLauncher = () => createClusterLauncher(kube, roles)
  return {
    kube,
    database,
    receiver,
    createLauncher,
    startGateway: (env = {}, launcher = createLauncher()) => startTestGateway({ env, launcher, database }),
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

function createClusterLauncher({ url, token, namespace }: FakeKubernetes, roles: readonly WorkerRole[]): Launcher {
  return createKubernetesLauncher({
    client: createPodClient({ ...createTokenAccess({ server: url, token }), namespace }),
    roles,
    image: 'example/worker:1',
    secret: 'example-secret',
    namespace,
    deployment: null,
    log: createLog('test', 'error', () => {}),
  })
}
