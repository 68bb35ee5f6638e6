import { alreadyExists, badRequest, forbiddenPod, notFound } from './api-error.ts'
import type { Cluster } from './cluster.ts'
import { checkPod } from './pod-checks.ts'
import { newPod } from './pod-defaults.ts'
import { readPod, unreadable } from './pod-schema.ts'
import { checkRestricted } from './pod-security.ts'
import { asStoredPod, type StoredPod } from './wire.ts'

/** A ResourceQuota on the number of Pods. */
export type Quota = { readonly name: string; readonly pods: number }

/** What a new Pod is held against. */
export type Admission = {
  readonly cluster: Cluster
  readonly namespaces: ReadonlySet<string>
  readonly restrictedPods: boolean
  quota(): Quota | null
}

/** A Pod that was made, or would have been: a dry run stores nothing, and its Pod has no version. */
export type Created = { readonly pod: StoredPod; readonly warnings: readonly string[] }

/**
 * Creates a Pod in the order of the API server: read, validated, admitted, stored.
 * @throws ApiError 400, 403, 404, 409, 422
 */
export async function createPod(
  { cluster, namespaces, restrictedPods, quota }: Admission,
  namespace: string,
  body: unknown,
  query: URLSearchParams,
): Promise<Created> {
  const { pod: read, unknownFields } = await readPod(body)
  const warnings = checkUnknownFields(unknownFields, query.get('fieldValidation'))
  if ((read.metadata?.namespace ?? namespace) !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (!namespaces.has(namespace)) throw notFound('namespaces', namespace)
  checkPod(read)
  const pod = newPod(read, namespace)
  const { name } = pod.metadata
  if (restrictedPods) checkRestricted(read, name)
  checkQuota(cluster.list(namespace), name, quota())
  const known = cluster.find(namespace, name)
  if (known !== null) throw alreadyExists(name, known.metadata.deletionTimestamp !== undefined)
  if (query.has('dryRun')) return { pod: asStoredPod(pod), warnings }
  return { pod: cluster.add(pod), warnings }
}

function checkUnknownFields(fields: readonly string[], validation: string | null): readonly string[] {
  const said = fields.map((field) => `unknown field "${field}"`)
  if (said.length > 0 && validation === 'Strict') throw unreadable(`strict decoding error: ${said.join(', ')}`)
  return validation === 'Ignore' ? [] : said
}

function checkQuota(pods: readonly StoredPod[], name: string, quota: Quota | null): void {
  if (quota === null) return
  const used = pods.filter(({ status }) => status.phase !== 'Succeeded' && status.phase !== 'Failed').length
  if (used < quota.pods) return
  throw forbiddenPod(
    name,
    `exceeded quota: ${quota.name}, requested: pods=1, used: pods=${used}, limited: pods=${quota.pods}`,
  )
}
