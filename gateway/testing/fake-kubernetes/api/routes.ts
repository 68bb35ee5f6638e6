import type { ApiAccess } from './access.ts'
import { methodNotAllowedError, unknownResourceError, notFoundError } from './errors.ts'
import type { ApiRequest, ApiVerb } from './request.ts'
import { jsonResponse, textResponse, type ApiResponse } from './response.ts'
import { createPod, type Admission } from './create-pod.ts'
import { parseDeleteOptions, deletePod } from './delete-pod.ts'
import type { PodStore } from '../pod-store.ts'
import { findDiscoveryDocument } from './discovery.ts'
import { EVICTION_ACCEPTED, evictPod } from './evict-pod.ts'
import { listPods } from './list-pods.ts'
import { handleNodes, type ClusterNode } from './nodes.ts'
import { serveLog, type FindLog } from './pod-log.ts'
import { formatPodTable, wantsTable } from './pod-table.ts'
import { updatePod } from './update-pod.ts'
import { watchPods, type OpenWatch } from './watch-pods.ts'
import { serializePodItem, serializePod } from './serialize-pod.ts'
import type { JsonObject, StoredPod } from '../wire.ts'

/** The state that the API serves. */
export type ApiServerState = Admission & {
  readonly access: ApiAccess
  readonly watches: Set<OpenWatch>
  readonly findLog: FindLog
  readonly deployments: () => readonly JsonObject[]
  readonly node: ClusterNode
}

/** Handles an authorised call. @throws ApiError */
export async function handleRequest(api: ApiServerState, request: ApiRequest): Promise<ApiResponse> {
  const { group, version, resource, path } = request
  if (resource === null) return handlePath(path)
  switch (`${group}/${version}/${resource}`) {
    case '/v1/pods':
      return request.name === null ? handlePods(api, request) : handlePod(api, request, request.name)
    case '/v1/namespaces':
      return handleNamespaces(api, request)
    case '/v1/nodes':
      return handleNodes(api.node, request)
    case '/v1/events':
      if (request.verb === 'watch') return { contentType: 'application/json', stream: () => undefined }
      return jsonResponse(listOf('EventList', 'v1', [], api))
    case 'apps/v1/deployments':
      return handleDeployments(api, request)
    default:
      throw unknownResourceError()
  }
}

/** kubectl up to 1.28 reads this document first, as protocol buffers. An empty body is an empty document. */
const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

function handlePath(path: string): ApiResponse {
  if (path === '/openapi/v2') return { status: 200, contentType: OPENAPI_V2_TYPE, body: '' }
  if (/^\/(?:healthz|livez|readyz)$/.test(path)) {
    return textResponse('ok')
  }
  const document = findDiscoveryDocument(path)
  if (document === null) throw unknownResourceError()
  return jsonResponse(document)
}

/** Handles calls on the collection of Pods. */
async function handlePods(api: ApiServerState, request: ApiRequest): Promise<ApiResponse> {
  const { store, watches } = api
  const { namespace, query, verb } = request
  const asTable = wantsTable(request.accept)
  if (verb === 'watch') {
    const serialize = asTable ? (pod: StoredPod) => JSON.stringify(formatPodTable([pod], versionOf(pod))) : serializePod
    return { contentType: 'application/json', stream: watchPods({ store, watches, request, serialize }) }
  }
  if (verb === 'list') {
    const { pods, metadata } = listPods(store, request)
    if (asTable) return jsonResponse(formatPodTable(pods, metadata))
    const items = pods.map(serializePodItem).join(',')
    const body = `{"kind":"PodList","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[${items}]}`
    return { status: 200, contentType: 'application/json', body }
  }
  if (verb !== 'create' || namespace === null) throw methodNotAllowedError()
  const { pod, warnings } = await createPod(api, namespace, await request.readBody(), query)
  return podResponse(pod, request, { status: 201, warnings })
}

/** The calls on one Pod, or its subresources, whose bodies are read before the Pod is looked up. */
const HAVE_BODY: ReadonlySet<ApiVerb> = new Set(['create', 'delete'])

async function handlePod(api: ApiServerState, request: ApiRequest, name: string): Promise<ApiResponse> {
  const { store } = api
  const { namespace, query, verb, subresource } = request
  const body = HAVE_BODY.has(verb) ? await request.readBody() : null
  const pod = store.find(namespace ?? '', name)
  if (pod === null) throw notFoundError('pods', name)
  if (subresource === 'log' && verb === 'get') return serveLog(pod, query, api.findLog)
  if (subresource === 'eviction') return handleEviction(api, pod, verb, body)
  if (subresource !== null && subresource !== 'status') throw unknownResourceError()
  return handleWholePod(store, pod, request, body)
}

/** Handles calls on a Pod as a whole, or on its status. */
async function handleWholePod(
  store: PodStore,
  pod: StoredPod,
  request: ApiRequest,
  body: unknown,
): Promise<ApiResponse> {
  const { verb, subresource, query } = request
  if (verb === 'delete' && subresource === null) {
    return podResponse(deletePod(store, pod, parseDeleteOptions(body, query)), request)
  }
  if (verb === 'get') return podResponse(pod, request)
  if (verb === 'update' || verb === 'patch') return podResponse(await updatePod(store, pod, request), request)
  throw methodNotAllowedError()
}

function handleEviction({ store }: ApiServerState, pod: StoredPod, verb: ApiVerb, body: unknown): ApiResponse {
  if (verb !== 'create') throw methodNotAllowedError()
  evictPod(store, pod, body)
  return jsonResponse(EVICTION_ACCEPTED, 201)
}

function podResponse(
  pod: StoredPod,
  { accept }: ApiRequest,
  { status, warnings }: { status: number; warnings: readonly string[] } = { status: 200, warnings: [] },
): ApiResponse {
  if (wantsTable(accept)) return jsonResponse(formatPodTable([pod], versionOf(pod)), status)
  return { status, contentType: 'application/json', body: serializePod(pod), warnings }
}

function versionOf({ metadata }: StoredPod): object {
  return { resourceVersion: metadata.resourceVersion }
}

function handleNamespaces(api: ApiServerState, { name, verb }: ApiRequest): ApiResponse {
  const namespaces = [...api.namespaces].map(namespaceOf)
  if (name === null && verb === 'list') return jsonResponse(listOf('NamespaceList', 'v1', namespaces, api))
  if (name === null || verb !== 'get') throw methodNotAllowedError()
  if (!api.namespaces.has(name)) throw notFoundError('namespaces', name)
  return jsonResponse({ kind: 'Namespace', apiVersion: 'v1', ...namespaceOf(name) })
}

function namespaceOf(name: string): JsonObject {
  return {
    metadata: { name, resourceVersion: '1', labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }
}

function handleDeployments(api: ApiServerState, { name, namespace, verb }: ApiRequest): ApiResponse {
  const inside = api.deployments().filter((one) => namespace === null || metaOf(one)['namespace'] === namespace)
  if (name === null && verb === 'list') return jsonResponse(listOf('DeploymentList', 'apps/v1', inside, api))
  if (name === null || verb !== 'get') throw methodNotAllowedError()
  const deployment = inside.find((one) => metaOf(one)['name'] === name)
  if (deployment === undefined) throw notFoundError('deployments', name, 'apps')
  return jsonResponse({ kind: 'Deployment', apiVersion: 'apps/v1', ...deployment })
}

function metaOf(object: JsonObject): JsonObject {
  return object['metadata'] as JsonObject
}

function listOf(kind: string, apiVersion: string, items: readonly JsonObject[], { store }: ApiServerState): object {
  return { kind, apiVersion, metadata: { resourceVersion: String(store.currentVersion()) }, items }
}
