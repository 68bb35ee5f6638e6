import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GATEWAY_RULES, type PolicyRule } from './access.ts'
import type { Api } from './api.ts'
import { createCallFaults } from './call-faults.ts'
import { createCluster } from './cluster.ts'
import type { RunPods } from './container-runner.ts'
import type { Quota } from './create-pod.ts'
import { createFaults, type Faults } from './faults.ts'
import { insertPod, withStatus } from './insert-pod.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { createKubelet } from './kubelet.ts'
import { openListeners } from './listeners.ts'
import { createApiServer, type RecordedCall } from './server.ts'
import { kubernetesTime, type JsonObject, type Pod, type PodStatus, type StoredPod } from './wire.ts'

export type { PolicyRule } from './access.ts'
export type { Faults } from './faults.ts'
export type { RecordedCall } from './server.ts'
export type { Pod, PodStatus, StoredPod } from './wire.ts'

export type FakeKubernetesOptions = {
  /** Where the gateway's Pods are; it exists besides `default`. */
  readonly namespace?: string
  /** Has each container of a created Pod run `node entry`; without it Pods get only statuses as told. */
  readonly runPods?: RunPods | null
  /** The rules of the gateway's Role in its namespace. */
  readonly rules?: readonly PolicyRule[]
  /** Whether the namespace enforces Pod Security `restricted`. */
  readonly restrictedPods?: boolean
  /** Shortens the waits between the runs of a container: 0.01 makes 10 s into 100 ms. */
  readonly backoffFactor?: number
}

/** An API server with one node, to all who talk to it. */
export type FakeKubernetes = AsyncDisposable & {
  readonly url: string
  /** The same by HTTPS, as a real server is reached; kubectl sends its token nowhere else. */
  readonly secureUrl: string
  /** What the certificate of `secureUrl` is to be checked against, PEM. */
  readonly authority: string
  /** The bearer token of the gateway's ServiceAccount. */
  readonly token: string
  readonly namespace: string
  /** A kubeconfig whose current context is this server, token and namespace. */
  readonly kubeconfigPath: string
  /** The same by HTTPS, with its authority. */
  readonly secureKubeconfigPath: string
  /** All calls that came in, oldest first. */
  readonly calls: readonly RecordedCall[]
  readonly faults: Faults
  /** The Pods of the namespace, by name. */
  pods(): readonly StoredPod[]
  pod(name: string): StoredPod | null
  /** Puts Pods there at once, as they are; without a status they run and are ready, with no process behind them. */
  insertPods(pods: readonly Pod[]): void
  /** Sets these fields of a Pod's status. */
  setPodStatus(name: string, status: PodStatus): void
  /** Makes or changes a Secret of the namespace, for `secretKeyRef`; the values are plain. */
  setSecret(name: string, data: Readonly<Record<string, string>>): void
}

export const GATEWAY_DEPLOYMENT = 'tallylight-gateway'

/** A real local stand-in for a cluster: the API server's protocol and a kubelet's doings, held against real answers. */
export async function startFakeKubernetes(options: FakeKubernetesOptions = {}): Promise<FakeKubernetes> {
  const { namespace = 'tallylight', runPods = null, rules = GATEWAY_RULES } = options
  const { restrictedPods = false, backoffFactor = 1 } = options
  const folder = await mkdtemp(join(tmpdir(), 'fake-kubernetes-'))
  const cluster = createCluster()
  const kubelet = createKubelet(cluster, { runPods, backoffFactor, folder: join(folder, 'pods') })
  const token = randomBytes(24).toString('base64url')
  const callFaults = createCallFaults()
  const watches: Api['watches'] = new Set()
  let quota: Quota | null = null
  const api: Api = {
    cluster,
    namespaces: new Set(['default', namespace]),
    restrictedPods,
    quota: () => quota,
    access: { token, namespace, rules, user: `system:serviceaccount:${namespace}:tallylight-gateway` },
    watches,
    findLog: kubelet.findLog,
    deployments: [deploymentOf(namespace)],
  }
  const server = createApiServer(api, callFaults)
  const listeners = await openListeners(server.onRequest)
  const { url, secureUrl, authority } = listeners
  const secret = { token, namespace }
  const kubeconfigPath = await writeKubeconfig(join(folder, 'kubeconfig.json'), { server: url }, secret)
  const secureKubeconfigPath = await writeKubeconfig(
    join(folder, 'secure-kubeconfig.json'),
    { server: secureUrl, 'certificate-authority-data': Buffer.from(authority).toString('base64') },
    secret,
  )
  const setQuota = (next: Quota | null) => void (quota = next)
  return {
    url,
    secureUrl,
    authority,
    token,
    namespace,
    kubeconfigPath,
    secureKubeconfigPath,
    calls: server.calls,
    faults: createFaults({ cluster, namespace, kubelet, watches, listeners, callFaults, setQuota }),
    pods: () => cluster.list(namespace),
    pod: (name) => cluster.find(namespace, name),
    insertPods(pods) {
      for (const pod of pods) insertPod(cluster, pod, namespace)
    },
    setPodStatus(name, status) {
      const pod = cluster.find(namespace, name)
      if (pod === null) throw new Error(`there is no Pod ${name}`)
      cluster.replace(withStatus(pod, status))
    },
    setSecret: kubelet.setSecret,
    async [Symbol.asyncDispose]() {
      await listeners.close()
      await kubelet[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function deploymentOf(namespace: string): JsonObject {
  return {
    metadata: {
      name: GATEWAY_DEPLOYMENT,
      namespace,
      uid: randomUUID(),
      resourceVersion: '200',
      generation: 1,
      creationTimestamp: kubernetesTime(),
      labels: { 'app.kubernetes.io/name': 'tallylight' },
    },
    spec: { replicas: 1, selector: { matchLabels: { 'app.kubernetes.io/name': 'tallylight' } } },
    status: { observedGeneration: 1, replicas: 1, readyReplicas: 1, availableReplicas: 1 },
  }
}
