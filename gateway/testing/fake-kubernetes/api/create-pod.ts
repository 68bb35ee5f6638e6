import { alreadyExistsError, badRequestError, forbiddenPodError, notFoundError } from './errors.ts'
import type { PodStore } from '../pod-store.ts'
import { validatePod } from './validate-pod.ts'
import { initializePod } from './pod-defaults.ts'
import { decodePod, decodingError } from './decode-pod.ts'
import { checkRestricted } from './pod-security.ts'
import { asStoredPod, type StoredPod } from '../wire.ts'

/** A ResourceQuota on the number of Pods. */
export type PodQuota = { readonly name: string; readonly pods: number }

/** The state against which a new Pod is checked. */
export type Admission = {
  readonly store: PodStore
  readonly namespaces: ReadonlySet<string>
  readonly restrictedPods: boolean
  quota(): PodQuota | null
}

/** A created Pod. The Pod of a dry run is not stored and has no version. */
export type CreatedPod = { readonly pod: StoredPod; readonly warnings: readonly string[] }

/**
 * Creates a Pod in the API server's order: decode, validate, admit, store.
 * @throws ApiError 400, 403, 404, 409, 422
 */
export async function createPod(
  { store, namespaces, restrictedPods, quota }: Admission,
  namespace: string,
  body: unknown,
  query: URLSearchParams,
): Promise<CreatedPod> {
  const { pod: decoded, unknownFields } = await decodePod(body)
  const warnings = checkUnknownFields(unknownFields, query.get('fieldValidation'))
  if ((decoded.metadata?.namespace ?? namespace) !== namespace) {
    throw badRequestError('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (!namespaces.has(namespace)) throw notFoundError('namespaces', namespace)
  validatePod(decoded)
  const pod = initializePod(decoded, namespace)
  const { name } = pod.metadata
  if (restrictedPods) checkRestricted(decoded, name)
  checkQuota(store.list(namespace), name, quota())
  const existing = store.find(namespace, name)
  if (existing !== null) throw alreadyExistsError(name, existing.metadata.deletionTimestamp !== undefined)
  if (query.has('dryRun')) return { pod: asStoredPod(pod), warnings }
  return { pod: store.add(pod), warnings }
}

function checkUnknownFields(fields: readonly string[], validation: string | null): readonly string[] {
  const warnings = fields.map((field) => `unknown field "${field}"`)
  if (warnings.length > 0 && validation === 'Strict') {
    throw decodingError(`strict decoding error: ${warnings.join(', ')}`)
  }
  return validation === 'Ignore' ? [] : warnings
}

function checkQuota(pods: readonly StoredPod[], name: string, quota: PodQuota | null): void {
  if (quota === null) return
  const used = pods.filter(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed').length
  if (used < quota.pods) return
  throw forbiddenPodError(
    name,
    `exceeded quota: ${quota.name}, requested: pods=1, used: pods=${used}, limited: pods=${quota.pods}`,
  )
}
