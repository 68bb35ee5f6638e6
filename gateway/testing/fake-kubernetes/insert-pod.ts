import type { Cluster, NewPod } from './cluster.ts'
import { newPod } from './pod-defaults.ts'
import { kubeletStatus, NODE_NAME, runningContainer, scheduledStatus } from './pod-status.ts'
import { asStoredPod, defined, type Pod, type PodStatus, type StoredPod } from './wire.ts'

/** Puts a Pod there, past all checks: with the status that it has, or running and ready. */
export function insertPod(cluster: Cluster, pod: Pod, namespace: string): StoredPod {
  const made = newPod(pod, namespace)
  const { creationTimestamp, uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {}
  const metadata = {
    ...made.metadata,
    ...defined({ creationTimestamp, uid, deletionTimestamp, deletionGracePeriodSeconds }),
  }
  // What storing it adds is not asked for where its status is made.
  const fresh = asStoredPod({ ...made, metadata })
  return cluster.add(pod.status === undefined ? running(fresh) : withStatus(fresh, pod.status))
}

/** With these fields of its status; one that has come to a node has that node's name. */
export function withStatus(pod: StoredPod, status: PodStatus): StoredPod {
  const next = { ...pod.status, ...status }
  const isOnNode = next.phase !== 'Pending' || next.containerStatuses !== undefined
  const { nodeName = NODE_NAME } = pod.spec
  return { ...pod, spec: isOnNode ? { ...pod.spec, nodeName } : pod.spec, status: next }
}

let addresses = 0

function running(pod: StoredPod): NewPod {
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
