import type { CallFault, CallFaults, CallMatch } from './call-faults.ts'
import type { Cluster } from './cluster.ts'
import type { ImageProblem } from './container-runner.ts'
import type { Quota } from './create-pod.ts'
import { DELETE_NOW, deletePod } from './delete-pod.ts'
import type { Kubelet } from './kubelet.ts'
import type { Listeners } from './listeners.ts'
import type { OpenWatch } from './watch-pods.ts'
import { kubernetesTime, type StoredPod } from './wire.ts'

/** What can go wrong, on command. */
export type Faults = {
  /** Makes calls fail: `failCalls({ method: 'POST', path: '/pods', times: 2 }, { status: 429, retryAfterSec: 1 })`. */
  failCalls(match: CallMatch, fault: CallFault): void
  /** Calls are answered truly again. */
  clearCalls(): void
  /** Connections are refused, open ones broken off. */
  refuseConnections(): Promise<void>
  /** Serves again, on the same port and from the same state. */
  acceptConnections(): Promise<void>
  /** Breaks all open watches off. */
  cutWatches(): void
  /** Open watches stay open, and never say anything again; later ones are sound. */
  silenceWatches(): void
  /** Sends a bookmark to each watch that takes them, which else happens once a minute. */
  sendBookmarks(): void
  /** Forgets history: older resourceVersions are 410 from now on. */
  compact(): void
  /** Ends a Pod's container: exit code 137 and `Error`, where nothing else is said. */
  killContainer(name: string, exit?: { readonly exitCode?: number; readonly reason?: string }): void
  /** The kubelet evicts a Pod, as it does when its node is short of memory. */
  evictPod(name: string): void
  /** Somebody deletes a Pod with no grace. */
  deletePod(name: string): void
  /** The node of a Pod is gone: the Pod is deleted, and stays; its processes may go on. */
  loseNode(name: string): void
  /** A Pod that is deleted takes its whole grace. */
  ignoreSigterm(name: string): void
  /** Whether new Pods find a node; those that wait are taken up again. */
  setSchedulable(isSchedulable: boolean): void
  /** Whether new containers find their image. */
  setImageProblem(problem: ImageProblem | null): void
  /** A ResourceQuota on the namespace's Pods; null: none. */
  setQuota(quota: Quota | null): void
}

/** What faults are done to. */
export type FaultTargets = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly kubelet: Kubelet
  readonly watches: Set<OpenWatch>
  readonly listeners: Listeners
  readonly callFaults: CallFaults
  setQuota(quota: Quota | null): void
}

const EVICTED =
  'The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container monitor was using 300Mi, request is 256Mi, has larger consumption of memory. '

export function createFaults(targets: FaultTargets): Faults {
  const { cluster, kubelet, watches, listeners, callFaults, namespace } = targets
  function find(name: string): StoredPod {
    const pod = cluster.find(namespace, name)
    if (pod === null) throw new Error(`there is no Pod ${name}`)
    return pod
  }
  return {
    failCalls: callFaults.add,
    clearCalls: callFaults.clear,
    refuseConnections: listeners.close,
    acceptConnections: listeners.open,
    cutWatches: () => {
      for (const watch of watches) watch.cut()
    },
    silenceWatches: () => {
      for (const watch of watches) watch.silence()
    },
    sendBookmarks: () => {
      for (const watch of watches) watch.bookmark()
    },
    compact: cluster.compact,
    killContainer(name, { exitCode = 137, reason = exitCode === 0 ? 'Completed' : 'Error' } = {}) {
      kubelet.killContainer(find(name), { exitCode, reason })
    },
    evictPod: (name) =>
      kubelet.evict(find(name), { reason: 'Evicted', message: EVICTED, disruption: 'TerminationByKubelet' }),
    deletePod: (name) => void deletePod(cluster, find(name), DELETE_NOW),
    loseNode(name) {
      kubelet.lose(find(name))
      const lost = cluster.replace(withoutNode(find(name)))
      deletePod(cluster, lost, { ...DELETE_NOW, gracePeriodSeconds: null })
    },
    ignoreSigterm: (name) => kubelet.ignoreSigterm(find(name)),
    setSchedulable: kubelet.setSchedulable,
    setImageProblem: kubelet.setImageProblem,
    setQuota: targets.setQuota,
  }
}

/** What the node lifecycle and the taint eviction controllers say of a Pod whose node they do not hear of. */
function withoutNode(pod: StoredPod): StoredPod {
  const lastTransitionTime = kubernetesTime()
  const conditions = (pod.status.conditions ?? []).map((one) =>
    one.type === 'Ready' ? { ...one, status: 'False', lastTransitionTime } : one,
  )
  const disruption = {
    type: 'DisruptionTarget',
    observedGeneration: pod.metadata.generation,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime,
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
  }
  return { ...pod, status: { ...pod.status, conditions: [...conditions, disruption] } }
}
