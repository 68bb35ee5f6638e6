import { randomBytes } from 'node:crypto'

import { onTestFinished, vi } from 'vitest'

import { createLog } from '../../../../shared/log.ts'
import type { Launcher } from '../../../ports/launcher.ts'
import { createApiClient, type ApiClient } from '../api-client.ts'
import { createPodClient } from '../pod-client.ts'
import { createKubernetesLauncher } from '../launcher.ts'
import { openKubeconfigAccess } from '../kubeconfig-access.ts'
import { MONITOR_ROLE } from './roles.ts'
import { WAIT } from '../../../../shared/testing/until.ts'

/** A real cluster for tests. */
export type RealCluster = {
  readonly kubeconfig: string
  readonly image: string
  readonly host: string
  /** An existing namespace, for a user who may create none; `null`: each test creates its own. */
  readonly namespace: string | null
}

const REQUIRED_VARIABLES = {
  KUBECONFIG: 'the path of a kubeconfig whose user may create namespaces, or Pods in the namespace TEST_NAMESPACE',
  TEST_IMAGE: "the worker's image, in a registry from which the cluster can pull it",
  TEST_HOST: 'the address of this machine at which Pods of the cluster reach all of its ports',
}

/** Reads the test cluster from the environment. @throws with the names of all missing variables */
export function readTestCluster(env: NodeJS.ProcessEnv): RealCluster {
  const missing = Object.entries(REQUIRED_VARIABLES).filter(([name]) => (env[name] ?? '') === '')
  const lines = missing.map(([name, meaning]) => `  ${name}: ${meaning}`)
  if (lines.length > 0) throw new Error(`Tests against a real cluster need these variables:\n${lines.join('\n')}`)
  const { KUBECONFIG: kubeconfig = '', TEST_IMAGE: image = '', TEST_HOST: host = '' } = env
  return { kubeconfig, image, host, namespace: env['TEST_NAMESPACE'] ?? null }
}

export type TestNamespace = { readonly namespace: string; readonly launcher: Launcher }

/** Creates a namespace with Pod Security `restricted` for one test, and deletes it with its contents afterwards. */
export async function openTestNamespace(cluster: RealCluster): Promise<TestNamespace> {
  const { kubeconfig, image } = cluster
  const access = await openKubeconfigAccess({ kubeconfig, root: '/' })
  onTestFinished(() => access[Symbol.asyncDispose]())
  const namespace = cluster.namespace ?? (await createNamespace(createApiClient(access)))
  const client = createPodClient({ ...access, namespace })
  const log = createLog('test', 'error', () => {})
  return {
    namespace,
    launcher: createKubernetesLauncher({
      client,
      roles: [MONITOR_ROLE],
      image,
      secret: 'tallylight-storage',
      namespace,
      deployment: null,
      log,
    }),
  }
}

async function createNamespace(api: ApiClient): Promise<string> {
  const namespace = `tallylight-test-${randomBytes(4).toString('hex')}`
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await callOrThrow(api, { method: 'POST', path: '/api/v1/namespaces', body })
  onTestFinished(() => callOrThrow(api, { method: 'DELETE', path: `/api/v1/namespaces/${namespace}` }))
  // A namespace admits no Pod before its default ServiceAccount exists.
  const account = { method: 'GET', path: `/api/v1/namespaces/${namespace}/serviceaccounts/default` } as const
  await vi.waitFor(() => callOrThrow(api, account), WAIT)
  return namespace
}

type Call = { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly body?: object }

async function callOrThrow(api: ApiClient, call: Call): Promise<void> {
  const { status, body } = await api.call({ ...call, timeoutMs: 10_000, maxBytes: 1024 * 1024 })
  if (status >= 300) throw new Error(`${call.method} ${call.path}: ${status} ${body}`)
}
