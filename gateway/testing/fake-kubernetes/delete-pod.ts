import { conflict } from './api-error.ts'
import type { Cluster } from './cluster.ts'
import { isJsonObject, kubernetesTime, type JsonObject, type StoredPod } from './wire.ts'

export type DeleteOptions = {
  readonly gracePeriodSeconds: number | null
  readonly preconditions: { readonly uid: string | null; readonly resourceVersion: string | null }
  readonly dryRun: boolean
}

export const DELETE_NOW: DeleteOptions = {
  gracePeriodSeconds: 0,
  preconditions: { uid: null, resourceVersion: null },
  dryRun: false,
}

/** From the body where there is one, else from the query, as the API server does. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const fromBody = isJsonObject(body)
  const options: JsonObject = fromBody ? body : Object.fromEntries(query)
  const grace = Number(options['gracePeriodSeconds'] ?? Number.NaN)
  const preconditions = isJsonObject(options['preconditions']) ? options['preconditions'] : {}
  const { uid, resourceVersion } = preconditions
  return {
    // Negative values count as one second.
    gracePeriodSeconds: Number.isNaN(grace) ? null : grace < 0 ? 1 : grace,
    preconditions: {
      uid: typeof uid === 'string' ? uid : null,
      resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : null,
    },
    dryRun: options['dryRun'] !== undefined,
  }
}

/**
 * Has a Pod go: at once where there is nothing to wait for, else its kubelet ends it and deletes it for good.
 * Rules: `BeforeDelete` of the API server's registry and `CheckGracefulDelete` of its Pods.
 * @throws ApiError 409 where a precondition fails
 */
export function deletePod(cluster: Cluster, pod: StoredPod, options: DeleteOptions): StoredPod {
  checkPreconditions(pod, options)
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  if (deletionTimestamp !== undefined && deletionGracePeriodSeconds !== undefined) {
    const grace = options.gracePeriodSeconds
    if (grace === null || grace >= deletionGracePeriodSeconds || options.dryRun) return pod
    const askedMs = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000
    return terminate(cluster, pod, { grace, endMs: Math.max(Date.now(), askedMs + grace * 1000) })
  }
  const grace = graceOf(pod, options.gracePeriodSeconds)
  if (options.dryRun) return pod
  const generation = pod.metadata.generation + 1
  const marked = { ...pod, metadata: { ...pod.metadata, generation } }
  return terminate(cluster, marked, { grace, endMs: Date.now() + grace * 1000 })
}

function checkPreconditions({ metadata }: StoredPod, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions
  if (uid !== null && uid !== metadata.uid) {
    throw conflict(
      'Pod',
      metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion !== null && resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      'Pod',
      metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    )
  }
}

/** Nobody has to be waited for where no kubelet has the Pod, or where it is done with it. */
function graceOf({ spec, status }: StoredPod, asked: number | null): number {
  const isOnNode = (spec.nodeName ?? '') !== ''
  if (!isOnNode || status.phase === 'Succeeded' || status.phase === 'Failed') return 0
  return asked ?? spec.terminationGracePeriodSeconds ?? 30
}

function terminate(cluster: Cluster, pod: StoredPod, { grace, endMs }: { grace: number; endMs: number }): StoredPod {
  const deletionTimestamp = kubernetesTime(endMs)
  const marked = cluster.replace({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace },
  })
  return grace === 0 ? cluster.remove(marked) : marked
}
