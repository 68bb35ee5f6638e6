import { randomBytes } from 'node:crypto'

import { onTestFinished, vi } from 'vitest'

import { createLog } from '../../../../shared/log.ts'
import type { Launcher } from '../../../workers/launcher.ts'
import { createApi, type Api } from '../api-request.ts'
import { createPodClient } from '../client.ts'
import { createKubernetesLauncher } from '../launcher.ts'
import { accessByKubeconfig } from '../node-credentials.ts'
import { MONITOR_ROLE } from './monitor-role.ts'

/** A real cluster that tests may use. */
export type RealCluster = {
  readonly kubeconfig: string
  readonly image: string
  readonly host: string
  /** One that is there already, for a user who may make none; `null`: each test makes its own. */
  readonly namespace: string | null
}

const NEEDED = {
  KUBECONFIG: 'the path of a kubeconfig whose user may make namespaces, or Pods in the one that TEST_NAMESPACE names',
  TEST_IMAGE: "the worker's image, from where that cluster can pull it",
  TEST_HOST: 'the address of this machine under which Pods of that cluster reach any of its ports',
}

/** @throws with all that is missing */
export function readTestCluster(env: NodeJS.ProcessEnv): RealCluster {
  const missing = Object.entries(NEEDED).filter(([name]) => (env[name] ?? '') === '')
  const told = missing.map(([name, what]) => `  ${name}: ${what}`)
  if (told.length > 0) throw new Error(`Tests against a real cluster need, in the environment:\n${told.join('\n')}`)
  const { KUBECONFIG: kubeconfig = '', TEST_IMAGE: image = '', TEST_HOST: host = '' } = env
  return { kubeconfig, image, host, namespace: env['TEST_NAMESPACE'] ?? null }
}

export type TestNamespace = { readonly namespace: string; readonly launcher: Launcher }

/** A namespace for one test, with Pod Security `restricted`, which goes with all that is in it when the test is over. */
export async function openTestNamespace(cluster: RealCluster): Promise<TestNamespace> {
  const { kubeconfig, image } = cluster
  const access = await accessByKubeconfig({ kubeconfig, root: '/' })
  onTestFinished(() => access[Symbol.asyncDispose]())
  const namespace = cluster.namespace ?? (await makeNamespace(createApi(access)))
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

async function makeNamespace(api: Api): Promise<string> {
  const namespace = `tallylight-test-${randomBytes(4).toString('hex')}`
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await succeed(api, { method: 'POST', path: '/api/v1/namespaces', body })
  onTestFinished(() => succeed(api, { method: 'DELETE', path: `/api/v1/namespaces/${namespace}` }))
  // No Pod is let in before its ServiceAccount is there.
  const account = { method: 'GET', path: `/api/v1/namespaces/${namespace}/serviceaccounts/default` } as const
  await vi.waitFor(() => succeed(api, account), { timeout: 20_000, interval: 100 })
  return namespace
}

type Call = { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string; readonly body?: object }

async function succeed(api: Api, call: Call): Promise<void> {
  const { status, text } = await api.call({ ...call, withinMs: 10_000, maxBytes: 1024 * 1024 })
  if (status >= 300) throw new Error(`${call.method} ${call.path}: ${status} ${text}`)
}
