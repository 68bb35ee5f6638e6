import type { CallFault, CallFaults, CallMatch } from './api/call-faults.ts'
import type { PodStore } from './pod-store.ts'
import type { ImageProblem } from './kubelet/container-runner.ts'
import type { PodQuota } from './api/create-pod.ts'
import { DELETE_NOW, deletePod } from './api/delete-pod.ts'
import type { OwnerDeployment } from './garbage-collector.ts'
import type { Kubelet } from './kubelet/kubelet.ts'
import type { Listeners } from './listeners.ts'
import type { OpenWatch } from './api/watch-pods.ts'
import { formatTime, type StoredPod } from './wire.ts'

/** Failures that a test can inject. */
export type Faults = {
  /** Makes calls fail: `failCalls({ method: 'POST', path: '/pods', times: 2 }, { status: 429, retryAfterSec: 1 })`. */
  failCalls(match: CallMatch, fault: CallFault): void
  /** Ends all call failures. */
  clearCalls(): void
  /** Refuses connections and breaks the open ones. */
  refuseConnections(): Promise<void>
  /** Accepts connections again, on the same ports and with the same state. */
  acceptConnections(): Promise<void>
  /** Breaks all open watches. */
  cutWatches(): void
  /** Keeps open watches open without any further event. Later watches work. */
  silenceWatches(): void
  /** Sends a bookmark to each watch that accepts them; otherwise that happens once a minute. */
  sendBookmarks(): void
  /** Drops the history, so that older resourceVersions are answered with 410. */
  compact(): void
  /** Kills a Pod's container, by default with exit code 137 and the reason `Error`. */
  killContainer(name: string, exit?: { readonly exitCode?: number; readonly reason?: string }): void
  /** Evicts a Pod as a kubelet does when its node is short of memory. */
  evictPod(name: string): void
  /** Deletes a Pod without a grace period, as another client might. */
  deletePod(name: string): void
  /** Loses the node of a Pod: the Pod is deleted but stays, and its processes may run on. */
  loseNode(name: string): void
  /** Deletes the gateway's Deployment and creates it anew: with the Pods that it owns, or without (`orphan`). */
  replaceDeployment(cascade: 'background' | 'orphan'): void
  /** Makes a Pod ignore SIGTERM, so that its deletion takes the whole grace period. */
  ignoreSigterm(name: string): void
  /** Sets whether new Pods find a node; `true` schedules the waiting ones. */
  setSchedulable(isSchedulable: boolean): void
  /** Sets why new containers do not find their image; null: they find it. */
  setImageProblem(problem: ImageProblem | null): void
  /** Sets the ResourceQuota for the Pods of the namespace; null: none. */
  setQuota(quota: PodQuota | null): void
}

/** The parts of the fake into which faults are injected. */
export type FaultTargets = {
  readonly store: PodStore
  readonly namespace: string
  readonly kubelet: Kubelet
  readonly watches: Set<OpenWatch>
  readonly listeners: Listeners
  readonly callFaults: CallFaults
  readonly deployment: OwnerDeployment
  setQuota(quota: PodQuota | null): void
}

const EVICTED =
  'The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container monitor was using 300Mi, request is 256Mi, has larger consumption of memory. '

/** Creates the fault injection of a fake cluster. */
export function createFaults(targets: FaultTargets): Faults {
  const { store, kubelet, watches, listeners, callFaults, namespace } = targets
  function find(name: string): StoredPod {
    const pod = store.find(namespace, name)
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
    compact: store.compact,
    killContainer(name, { exitCode = 137, reason = exitCode === 0 ? 'Completed' : 'Error' } = {}) {
      kubelet.killContainer(find(name), { exitCode, reason })
    },
    evictPod: (name) =>
      kubelet.evict(find(name), { reason: 'Evicted', message: EVICTED, disruption: 'TerminationByKubelet' }),
    deletePod: (name) => void deletePod(store, find(name), DELETE_NOW),
    loseNode(name) {
      kubelet.lose(find(name))
      const lost = store.replace(withLostNode(find(name)))
      deletePod(store, lost, { ...DELETE_NOW, gracePeriodSeconds: null })
    },
    replaceDeployment: targets.deployment.replace,
    ignoreSigterm: (name) => kubelet.ignoreSigterm(find(name)),
    setSchedulable: kubelet.setSchedulable,
    setImageProblem: kubelet.setImageProblem,
    setQuota: targets.setQuota,
  }
}

/** Returns a Pod with the conditions that the node lifecycle and taint eviction controllers set for a lost node. */
function withLostNode(pod: StoredPod): StoredPod {
  const lastTransitionTime = formatTime()
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
