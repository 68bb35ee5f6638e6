import { conflictError } from './errors.ts'
import type { PodStore } from '../pod-store.ts'
import { isJsonObject, formatTime, type JsonObject, type StoredPod } from '../wire.ts'

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

/** Parses the options of a deletion: from the body if there is one, otherwise from the query. */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
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
 * Deletes a Pod at once if nothing runs; otherwise marks it, so that its kubelet ends it and then deletes it for good.
 * The rules are those of the API server's `BeforeDelete` and `CheckGracefulDelete`.
 * @throws ApiError 409 if a precondition fails
 */
export function deletePod(store: PodStore, pod: StoredPod, options: DeleteOptions): StoredPod {
  checkPreconditions(pod, options)
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  if (deletionTimestamp !== undefined && deletionGracePeriodSeconds !== undefined) {
    const grace = options.gracePeriodSeconds
    if (grace === null || grace >= deletionGracePeriodSeconds || options.dryRun) return pod
    const requestedMs = Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000
    return markTerminating(store, pod, { grace, endMs: Math.max(Date.now(), requestedMs + grace * 1000) })
  }
  const grace = initialGraceSec(pod, options.gracePeriodSeconds)
  if (options.dryRun) return pod
  const generation = pod.metadata.generation + 1
  const marked = { ...pod, metadata: { ...pod.metadata, generation } }
  return markTerminating(store, marked, { grace, endMs: Date.now() + grace * 1000 })
}

function checkPreconditions({ metadata }: StoredPod, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions
  if (uid !== null && uid !== metadata.uid) {
    throw conflictError(
      'Pod',
      metadata.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion !== null && resourceVersion !== metadata.resourceVersion) {
    throw conflictError(
      'Pod',
      metadata.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    )
  }
}

/** Returns the grace period of a deletion, in s: 0 for a Pod without a node, and for one that has finished. */
function initialGraceSec({ spec, status }: StoredPod, requested: number | null): number {
  const isOnNode = (spec.nodeName ?? '') !== ''
  if (!isOnNode || status.phase === 'Succeeded' || status.phase === 'Failed') return 0
  return requested ?? spec.terminationGracePeriodSeconds ?? 30
}

function markTerminating(
  store: PodStore,
  pod: StoredPod,
  { grace, endMs }: { grace: number; endMs: number },
): StoredPod {
  const deletionTimestamp = formatTime(endMs)
  const marked = store.replace({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace },
  })
  return grace === 0 ? store.remove(marked) : marked
}
