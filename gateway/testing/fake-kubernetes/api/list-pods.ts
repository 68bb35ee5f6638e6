import { badRequestError, expiredError, versionTooLargeError } from './errors.ts'
import type { ApiRequest } from './request.ts'
import { keyOf, type PodStore } from '../pod-store.ts'
import { parsePodFilter } from './selectors.ts'
import type { StoredPod } from '../wire.ts'

/** A page of Pods, and the `metadata` of its list. */
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

/** Lists the Pods that a query selects. @throws ApiError 400, 410, 504 */
export function listPods(store: PodStore, { query, namespace }: ApiRequest): PodPage {
  const filter = parsePodFilter(query)
  const token = query.get('continue') ?? ''
  const { version, start } = token === '' ? resolveStart(store, query) : parseContinueToken(store, token, query)
  const prefix = namespace === null ? '' : `${namespace}/`
  const matching = store
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
      continue: formatContinueToken(version, next),
      ...(isFiltered ? {} : { remainingItemCount: matching.length - limit }),
    },
  }
}

type PageStart = { readonly version: number; readonly start: string }

function resolveStart(store: PodStore, query: URLSearchParams): PageStart {
  const requested = parseResourceVersion(query)
  const current = store.currentVersion()
  if (requested === null || requested === 0) return { version: current, start: '' }
  if (requested > current) throw versionTooLargeError(requested, current)
  if (query.get('resourceVersionMatch') !== 'Exact') return { version: current, start: '' }
  if (requested < store.oldestVersion()) throw expiredError(LIST_TOO_OLD)
  return { version: requested, start: '' }
}

/** Parses the resourceVersion of a query; null if it has none. @throws ApiError 400 */
export function parseResourceVersion(query: URLSearchParams): number | null {
  const text = query.get('resourceVersion') ?? ''
  if (text === '') return null
  if (!/^\d+$/.test(text)) {
    throw badRequestError(`invalid resource version "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  }
  return Number(text)
}

/** Parses a continue token, `{"v":"meta.k8s.io/v1","rv":5,"start":"x"}`; a version of −1 means the current one. */
function parseContinueToken(store: PodStore, token: string, query: URLSearchParams): PageStart {
  if ((query.get('resourceVersion') ?? '') !== '') {
    throw badRequestError('specifying resource version is not allowed when using continue')
  }
  const match = /^\{"v":"meta\.k8s\.io\/v1","rv":(-?\d+),"start":("(?:[^"\\]|\\.)*")\}$/.exec(
    Buffer.from(token, 'base64url').toString('utf8'),
  )
  if (match === null) throw badRequestError('continue key is not valid: encoded continue token is not a token')
  const version = Number(match[1])
  const start = String(JSON.parse(match[2] ?? '""'))
  if (version === -1) return { version: store.currentVersion(), start }
  if (version < store.oldestVersion()) throw expiredError(CONTINUE_TOO_OLD, formatContinueToken(-1, start))
  return { version, start }
}

function formatContinueToken(version: number, start: string): string {
  return Buffer.from(`{"v":"meta.k8s.io/v1","rv":${version},"start":${JSON.stringify(start)}}`).toString('base64url')
}
