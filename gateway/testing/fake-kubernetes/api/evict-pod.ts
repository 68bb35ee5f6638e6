import { badRequestError } from './errors.ts'
import { deletePod, parseDeleteOptions } from './delete-pod.ts'
import type { PodStore } from '../pod-store.ts'
import { formatTime, isJsonObject, type StoredPod } from '../wire.ts'

/** The answer to an accepted eviction. */
export const EVICTION_ACCEPTED = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }

/**
 * Evicts a Pod, as `kubectl drain` and autoscalers do: a running one gets the condition of a disruption and is deleted. No
 * PodDisruptionBudget applies. The rules are those of the API server's `EvictionREST`.
 * @throws ApiError 400, or 409 if a precondition fails
 */
export function evictPod(store: PodStore, pod: StoredPod, body: unknown): void {
  if (!isJsonObject(body) || !isJsonObject(body['metadata']) || body['metadata']['name'] !== pod.metadata.name) {
    throw badRequestError('name in URL does not match name in Eviction object')
  }
  const options = parseDeleteOptions(isJsonObject(body['deleteOptions']) ? body['deleteOptions'] : {}, NO_QUERY)
  const isActive = pod.status.phase === 'Running' && pod.metadata.deletionTimestamp === undefined
  deletePod(store, isActive && !options.dryRun ? store.replace(withDisruption(pod)) : pod, options)
}

const NO_QUERY = new URLSearchParams()

function withDisruption(pod: StoredPod): StoredPod {
  const disruption = {
    type: 'DisruptionTarget',
    observedGeneration: pod.metadata.generation,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: formatTime(),
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  }
  return { ...pod, status: { ...pod.status, conditions: [...(pod.status.conditions ?? []), disruption] } }
}
