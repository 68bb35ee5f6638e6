import { startFakeKubernetes, type FakeKubernetes } from '../fake-kubernetes/index.ts'
import { checkInvariants } from '../invariants/check-invariants.ts'
import { createTestDatabase, type TestDatabase } from '../test-database.ts'
import { createApiCalls, TEST_KEYS, type TestGateway } from '../test-gateway.ts'
import { startWorkerd, type Workerd } from './workerd.ts'

/** A gateway in workerd with its own database and fake cluster, whose Pods exist as records only. */
export type EdgeGateway = Omit<TestGateway, 'gateway'> & {
  readonly cluster: FakeKubernetes
  readonly triggerCron: Workerd['triggerCron']
  /** Returns the names of its workers' Pods. */
  workers(): Promise<readonly string[]>
}

export type EdgeGatewayOptions = {
  /** Bindings that extend or replace those of `buildEdgeBindings`. */
  readonly env?: Readonly<Record<string, string>>
}

export const EDGE_ENTRY = new URL('../../edge.ts', import.meta.url)

/** Starts a gateway in workerd. Dispose also checks the invariants of its database. */
export async function startEdgeGateway({ env = {} }: EdgeGatewayOptions = {}): Promise<EdgeGateway> {
  const database = await createTestDatabase()
  const cluster = await startFakeKubernetes({ restrictedPods: true })
  const errors: string[] = []
  const workerd = await startWorkerd({
    entry: EDGE_ENTRY,
    bindings: { ...buildEdgeBindings(database, cluster), ...env, ...buildGuardBindings(env) },
    onLine: (line) => errors.push(line),
  })
  return {
    ...createApiCalls(workerd.url),
    url: workerd.url,
    triggerCron: workerd.triggerCron,
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

/** Builds the required bindings of an edge gateway. */
export function buildEdgeBindings(
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
    // Tests of broadcasts start their own.
    INGEST_WORKERS: '0',
    LIVE_WATCHDOG: 'false',
  }
}

/** Returns the resolver that a gateway needs where private addresses are forbidden. */
function buildGuardBindings({ ALLOW_PRIVATE_NETWORKS }: Readonly<Record<string, string>>): Record<string, string> {
  return ALLOW_PRIVATE_NETWORKS === 'false' ? { DNS_OVER_HTTPS_URL: 'http://127.0.0.1:9/dns-query' } : {}
}
