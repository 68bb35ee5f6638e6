import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { deletePod, parseDeleteOptions } from './api/delete-pod.ts'
import type { PodStore } from './pod-store.ts'
import { formatTime, type JsonObject, type StoredPod } from './wire.ts'

/** The Deployment of the gateway, and the garbage collection of the Pods that it owns. */
export type OwnerDeployment = {
  /** Returns the current Deployment. */
  get(): JsonObject
  /** Deletes it and creates it anew. `orphan` leaves the Pods that it owns, without their owner. */
  replace(cascade: 'background' | 'orphan'): void
}

/** Creates the Deployment, and deletes Pods whose owner is gone, as a cluster's garbage collector does. */
export function createOwnerDeployment(store: PodStore, name: string, namespace: string): OwnerDeployment {
  let uid: string = randomUUID()
  const isDangling = ({ metadata }: StoredPod) => {
    const owners = metadata.ownerReferences ?? []
    return owners.length > 0 && owners.every((owner) => owner.uid !== uid)
  }
  async function collect(): Promise<void> {
    await nextTurn()
    for (const pod of store.list(namespace).filter(isDangling)) deletePod(store, pod, DEFAULT_OPTIONS)
  }
  store.subscribe(({ type }) => {
    if (type === 'ADDED') void collect()
  })
  return {
    get: () => describeDeployment(name, namespace, uid),
    replace(cascade) {
      const owned = store
        .list(namespace)
        .filter(({ metadata }) => metadata.ownerReferences?.some((one) => one.uid === uid))
      uid = randomUUID()
      if (cascade === 'background') return void collect()
      for (const pod of owned) {
        const { ownerReferences: _owners, ...metadata } = pod.metadata
        store.replace({ ...pod, metadata })
      }
    },
  }
}

const DEFAULT_OPTIONS = parseDeleteOptions({}, new URLSearchParams())

function describeDeployment(name: string, namespace: string, uid: string): JsonObject {
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: '200',
      generation: 1,
      creationTimestamp: formatTime(),
      labels: { 'app.kubernetes.io/name': 'tallylight' },
    },
    spec: { replicas: 1, selector: { matchLabels: { 'app.kubernetes.io/name': 'tallylight' } } },
    status: { observedGeneration: 1, replicas: 1, readyReplicas: 1, availableReplicas: 1 },
  }
}
