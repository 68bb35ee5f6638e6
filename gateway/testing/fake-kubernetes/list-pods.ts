import { badRequest, expired, versionTooLarge } from './api-error.ts'
import type { ApiRequest } from './api-request.ts'
import { keyOf, type Cluster } from './cluster.ts'
import { podFilter } from './selectors.ts'
import type { StoredPod } from './wire.ts'

/** A page of Pods, and what its `metadata` says. */
export type PodPage = {
  readonly pods: readonly StoredPod[]
  readonly metadata: {
    readonly resourceVersion: string
    readonly continue?: string
    readonly remainingItemCount?: number
  }
}

const LIST_TOO_OLD = 'The resourceVersion for the provided list is too old.'
const CONTINUE_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'

/** The Pods that a query asks for. @throws ApiError 400, 410, 504 */
export function listPods(cluster: Cluster, { query, namespace }: ApiRequest): PodPage {
  const filter = podFilter(query)
  const token = query.get('continue') ?? ''
  const { version, start } = token === '' ? startOf(cluster, query) : readToken(cluster, token, query)
  const prefix = namespace === null ? '' : `${namespace}/`
  const matching = cluster
    .listAt(version, namespace)
    .filter((pod) => keyOf(pod).slice(prefix.length) >= start && filter(pod))
  const limit = Number(query.get('limit') ?? 0)
  const resourceVersion = String(version)
  if (limit <= 0 || matching.length <= limit) return { pods: matching, metadata: { resourceVersion } }
  const pods = matching.slice(0, limit)
  const last = pods.at(-1)
  const next = last === undefined ? '' : `${keyOf(last).slice(prefix.length)}\0`
  const isFiltered = query.has('labelSelector') || query.has('fieldSelector')
  return {
    pods,
    metadata: {
      resourceVersion,
      continue: writeToken(version, next),
      ...(isFiltered ? {} : { remainingItemCount: matching.length - limit }),
    },
  }
}

type Start = { readonly version: number; readonly start: string }

function startOf(cluster: Cluster, query: URLSearchParams): Start {
  const asked = readVersion(query)
  const current = cluster.version()
  if (asked === null || asked === 0) return { version: current, start: '' }
  if (asked > current) throw versionTooLarge(asked, current)
  if (query.get('resourceVersionMatch') !== 'Exact') return { version: current, start: '' }
  if (asked < cluster.oldestVersion()) throw expired(LIST_TOO_OLD)
  return { version: asked, start: '' }
}

/** The version that a query asks for; null where it names none. @throws ApiError 400 */
export function readVersion(query: URLSearchParams): number | null {
  const text = query.get('resourceVersion') ?? ''
  if (text === '') return null
  if (!/^\d+$/.test(text)) {
    throw badRequest(`invalid resource version "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  }
  return Number(text)
}

/** `{"v":"meta.k8s.io/v1","rv":5,"start":"x"}`, where a version of −1 means any. */
function readToken(cluster: Cluster, token: string, query: URLSearchParams): Start {
  if ((query.get('resourceVersion') ?? '') !== '') {
    throw badRequest('specifying resource version is not allowed when using continue')
  }
  const match = /^\{"v":"meta\.k8s\.io\/v1","rv":(-?\d+),"start":("(?:[^"\\]|\\.)*")\}$/.exec(
    Buffer.from(token, 'base64url').toString('utf8'),
  )
  if (match === null) throw badRequest('continue key is not valid: encoded continue token is not a token')
  const version = Number(match[1])
  const start = String(JSON.parse(match[2] ?? '""'))
  if (version === -1) return { version: cluster.version(), start }
  if (version < cluster.oldestVersion()) throw expired(CONTINUE_TOO_OLD, writeToken(-1, start))
  return { version, start }
}

function writeToken(version: number, start: string): string {
  return Buffer.from(`{"v":"meta.k8s.io/v1","rv":${version},"start":${JSON.stringify(start)}}`).toString('base64url')
}
