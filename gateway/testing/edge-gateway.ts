import type { Settings } from '../config.ts'
import { startFakeKubernetes, type FakeKubernetes } from './fake-kubernetes/index.ts'
import { checkInvariants } from './invariants.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import { callsTo, TEST_KEYS, type TestGateway } from './test-gateway.ts'
import { startWorkerd, type Workerd } from './workerd.ts'

/** The gateway in workerd, on a database and a cluster of its own: the Pods of its workers have no process behind them. */
export type EdgeGateway = Omit<TestGateway, 'gateway'> & {
  readonly cluster: FakeKubernetes
  readonly schedule: Workerd['schedule']
  /** The names of its workers' Pods. */
  workers(): Promise<readonly string[]>
}

export type EdgeGatewayOptions = {
  readonly settings?: Partial<Settings>
  /** Bindings besides, or in place of, those that a test needs anyway. */
  readonly bindings?: Readonly<Record<string, string>>
}

export const EDGE_ENTRY = new URL('../edge.ts', import.meta.url)

export async function startEdgeGateway({
  settings = {},
  bindings = {},
}: EdgeGatewayOptions = {}): Promise<EdgeGateway> {
  const database = await createTestDatabase()
  const cluster = await startFakeKubernetes({ restrictedPods: true })
  const errors: string[] = []
  const workerd = await startWorkerd({
    entry: EDGE_ENTRY,
    bindings: { ...edgeBindings(database, cluster), ...bindingsOf(settings), ...bindings },
    onLine: (line) => errors.push(line),
  })
  return {
    ...callsTo(workerd.url),
    url: workerd.url,
    schedule: workerd.schedule,
    database,
    cluster,
    errors,
    workers: async () => cluster.pods().map(({ metadata }) => metadata.name),
    async [Symbol.asyncDispose]() {
      await workerd[Symbol.asyncDispose]()
      await cluster[Symbol.asyncDispose]()
      await checkInvariants(database.sql, { realWorkers: false })
      await database[Symbol.asyncDispose]()
    },
  }
}

/** All that an edge gateway needs to be told. */
export function edgeBindings(
  database: Pick<TestDatabase, 'url'>,
  cluster: Pick<FakeKubernetes, 'url' | 'token' | 'namespace'>,
): Record<string, string> {
  return {
    ...TEST_KEYS,
    LAUNCHER: 'kubernetes',
    DATABASE_URL: database.url,
    GATEWAY_URL: 'http://127.0.0.1:1',
    KUBERNETES_URL: cluster.url,
    KUBERNETES_TOKEN: cluster.token,
    NAMESPACE: cluster.namespace,
    WORKER_IMAGE: 'tallylight-worker:test',
    ALLOW_PRIVATE_NETWORKS: 'true',
    LOG_LEVEL: 'error',
    RATE_LIMIT_WRITES_PER_MIN: '100000',
    RATE_LIMIT_READS_PER_MIN: '100000',
    S3_BUCKET: 'outputs',
  }
}

/** Those settings that tests change, as the environment has them. */
function bindingsOf(settings: Partial<Settings>): Record<string, string> {
  const { maxMonitors, writesPerMinute, readsPerMinute, allowPrivateNetworks, jobs } = settings
  const given = {
    MAX_MONITORS: maxMonitors,
    RATE_LIMIT_WRITES_PER_MIN: writesPerMinute,
    RATE_LIMIT_READS_PER_MIN: readsPerMinute,
    ALLOW_PRIVATE_NETWORKS: allowPrivateNetworks,
    MAX_QUEUED_JOBS: jobs?.maxQueued,
    MAX_ENCODE_WORKERS: jobs?.maxWorkers,
    ALLOW_FILE_INPUT: jobs?.allowFileInput,
    DNS_OVER_HTTPS_URL: allowPrivateNetworks === false ? 'http://127.0.0.1:9/dns-query' : undefined,
  }
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
}
