import type { PodStore, NewPod } from './pod-store.ts'
import { initializePod } from './api/pod-defaults.ts'
import { kubeletStatus, NODE_NAME, runningContainer, scheduledStatus } from './kubelet/pod-status.ts'
import { asStoredPod, omitUndefined, type Pod, type PodStatus, type StoredPod } from './wire.ts'

/** Stores a Pod without any checks, with its own status or as running and ready. */
export function insertPod(store: PodStore, pod: Pod, namespace: string): StoredPod {
  const initialized = initializePod(pod, namespace)
  const { creationTimestamp, uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {}
  const metadata = {
    ...initialized.metadata,
    ...omitUndefined({ creationTimestamp, uid, deletionTimestamp, deletionGracePeriodSeconds }),
  }
  // The functions below need a stored Pod but not its version.
  const unstored = asStoredPod({ ...initialized, metadata })
  return store.add(pod.status === undefined ? makeRunning(unstored) : mergeStatus(unstored, pod.status))
}

/** Merges fields into a Pod's status, and assigns the node to a Pod that has started. */
export function mergeStatus(pod: StoredPod, status: PodStatus): StoredPod {
  const next = { ...pod.status, ...status }
  const isOnNode = next.phase !== 'Pending' || next.containerStatuses !== undefined
  const { nodeName = NODE_NAME } = pod.spec
  return { ...pod, spec: isOnNode ? { ...pod.spec, nodeName } : pod.spec, status: next }
}

let addresses = 0

function makeRunning(pod: StoredPod): NewPod {
  addresses += 1
  const containers = pod.spec.containers.map((container) => ({
    ...runningContainer(pod.spec, container, undefined),
    ready: true,
  }))
  const spec = { ...pod.spec, nodeName: NODE_NAME }
  const scheduled = { ...pod, status: scheduledStatus(pod) }
  const podIP = `10.89.${(addresses >> 8) & 255}.${addresses & 255}`
  return { ...pod, spec, status: kubeletStatus(scheduled, { containers, hasSandbox: true, podIP, failure: null }) }
}
