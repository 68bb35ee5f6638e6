import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GATEWAY_RULES, type PolicyRule } from './api/access.ts'
import type { ApiServerState } from './api/routes.ts'
import { createCallFaults } from './api/call-faults.ts'
import { createPodStore } from './pod-store.ts'
import type { PodProgram } from './kubelet/container-runner.ts'
import type { PodQuota } from './api/create-pod.ts'
import { createFaults, type Faults } from './faults.ts'
import { createOwnerDeployment } from './garbage-collector.ts'
import { insertPod, mergeStatus } from './insert-pod.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { createKubelet } from './kubelet/kubelet.ts'
import { openListeners } from './listeners.ts'
import { createApiServer, type ReceivedCall } from './api/server.ts'
import type { Pod, PodStatus, StoredPod } from './wire.ts'

export type { PolicyRule } from './api/access.ts'
export type { Faults } from './faults.ts'
export type { ReceivedCall } from './api/server.ts'
export type { Pod, PodStatus, StoredPod } from './wire.ts'

export type FakeKubernetesOptions = {
  /** The namespace of the gateway's Pods. `default` exists too. */
  readonly namespace?: string
  /** The program of every container. Without it no process runs, and tests set the statuses of Pods. */
  readonly runPods?: PodProgram | null
  /** The rules of the gateway's Role in its namespace. */
  readonly rules?: readonly PolicyRule[]
  /** What the gateway's user may do in all namespaces and with nodes; nothing by default. */
  readonly clusterRules?: readonly PolicyRule[]
  /** Enforces Pod Security `restricted` in the namespace. */
  readonly restrictedPods?: boolean
  /** Scales the waits between the runs of a container: 0.01 turns 10 s into 100 ms. */
  readonly backoffFactor?: number
  /** How long a Pod whose containers have ended keeps its phase `Running`, in ms; as a real kubelet by default. */
  readonly sandboxEndMs?: number
}

/** How long a real kubelet shows `Running` with a terminated container before the final phase, in ms. */
const SANDBOX_END_MS = 1200

/** A cluster with an API server and one node. */
export type FakeKubernetes = AsyncDisposable & {
  readonly url: string
  /** The HTTPS address, as of a real server: kubectl sends its token over HTTPS only. */
  readonly secureUrl: string
  /** The certificate authority of `secureUrl`, PEM. */
  readonly authority: string
  /** The bearer token of the gateway's ServiceAccount. */
  readonly token: string
  readonly namespace: string
  /** A kubeconfig whose current context is this server, token and namespace. */
  readonly kubeconfigPath: string
  /** A kubeconfig for the HTTPS address, with its certificate authority. */
  readonly secureKubeconfigPath: string
  /** All received calls, oldest first. */
  readonly calls: readonly ReceivedCall[]
  readonly faults: Faults
  /** Lists the Pods of the namespace by name. */
  pods(): readonly StoredPod[]
  pod(name: string): StoredPod | null
  /** Stores Pods without any checks. Without a status they run and are ready, with no process behind them. */
  insertPods(pods: readonly Pod[]): void
  /** Sets fields of a Pod's status. */
  setPodStatus(name: string, status: PodStatus): void
  /** Creates or replaces a Secret of the namespace, for `secretKeyRef`. The values are plain text. */
  setSecret(name: string, data: Readonly<Record<string, string>>): void
}

export const GATEWAY_DEPLOYMENT = 'tallylight-gateway'

/** Starts a local cluster: an API server and a kubelet that behave as recorded from real ones. */
export async function startFakeKubernetes(options: FakeKubernetesOptions = {}): Promise<FakeKubernetes> {
  const { namespace = 'tallylight', runPods = null, rules = GATEWAY_RULES } = options
  const { restrictedPods = false, backoffFactor = 1, sandboxEndMs = SANDBOX_END_MS, clusterRules = [] } = options
  const folder = await mkdtemp(join(tmpdir(), 'fake-kubernetes-'))
  const store = createPodStore()
  const kubelet = createKubelet(store, { runPods, backoffFactor, sandboxEndMs, folder: join(folder, 'pods') })
  const token = randomBytes(24).toString('base64url')
  const callFaults = createCallFaults()
  const watches: ApiServerState['watches'] = new Set()
  const deployment = createOwnerDeployment(store, GATEWAY_DEPLOYMENT, namespace)
  let quota: PodQuota | null = null
  const api: ApiServerState = {
    store,
    namespaces: new Set(['default', namespace]),
    restrictedPods,
    quota: () => quota,
    access: { token, namespace, rules, clusterRules, user: `system:serviceaccount:${namespace}:tallylight-gateway` },
    watches,
    findLog: kubelet.findLog,
    deployments: () => [deployment.get()],
    node: kubelet.node,
  }
  const server = createApiServer(api, callFaults)
  const listeners = await openListeners(server.onRequest)
  const { url, secureUrl, authority } = listeners
  const secret = { token, namespace }
  const kubeconfigPath = await writeKubeconfig(join(folder, 'kubeconfig.json'), { server: url }, secret)
  const secure = { server: secureUrl, 'certificate-authority-data': Buffer.from(authority).toString('base64') }
  const secureKubeconfigPath = await writeKubeconfig(join(folder, 'secure-kubeconfig.json'), secure, secret)
  const setQuota = (next: PodQuota | null) => void (quota = next)
  return {
    url,
    secureUrl,
    authority,
    token,
    namespace,
    kubeconfigPath,
    secureKubeconfigPath,
    calls: server.calls,
    faults: createFaults({ store, namespace, kubelet, watches, listeners, callFaults, deployment, setQuota }),
    pods: () => store.list(namespace),
    pod: (name) => store.find(namespace, name),
    insertPods(pods) {
      for (const pod of pods) insertPod(store, pod, namespace)
    },
    setPodStatus(name, status) {
      const pod = store.find(namespace, name)
      if (pod === null) throw new Error(`there is no Pod ${name}`)
      store.replace(mergeStatus(pod, status))
    },
    setSecret: kubelet.setSecret,
    async [Symbol.asyncDispose]() {
      await listeners.close()
      await kubelet[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
