import type { Access } from './access.ts'
import { methodNotAllowed, noSuchResource, notFound } from './api-error.ts'
import type { ApiRequest } from './api-request.ts'
import { jsonAnswer, plainAnswer, type Answer } from './answer.ts'
import { createPod, type Admission } from './create-pod.ts'
import { deleteOptions, deletePod } from './delete-pod.ts'
import { discoveryDocument } from './discovery.ts'
import { listPods } from './list-pods.ts'
import { podLog, type FindLog } from './pod-log.ts'
import { podTable, wantsTable } from './pod-table.ts'
import { updatePod } from './update-pod.ts'
import { watchPods, type OpenWatch } from './watch-pods.ts'
import { itemText, podText } from './pod-text.ts'
import type { JsonObject, StoredPod } from './wire.ts'

/** What the API serves from. */
export type Api = Admission & {
  readonly access: Access
  readonly watches: Set<OpenWatch>
  readonly findLog: FindLog
  readonly deployments: readonly JsonObject[]
}

/** Answers a call that is allowed. @throws ApiError */
export async function answerCall(api: Api, request: ApiRequest): Promise<Answer> {
  const { group, version, resource, path } = request
  if (resource === null) return answerPath(path)
  switch (`${group}/${version}/${resource}`) {
    case '/v1/pods':
      return request.name === null ? answerPods(api, request) : answerPod(api, request, request.name)
    case '/v1/namespaces':
      return answerNamespaces(api, request)
    case '/v1/events':
      if (request.verb === 'watch') return { contentType: 'application/json', stream: () => undefined }
      return jsonAnswer(listOf('EventList', 'v1', [], api))
    case 'apps/v1/deployments':
      return answerDeployments(api, request)
    default:
      throw noSuchResource()
  }
}

/** kubectl up to 1.28 asks for protocol buffers there before all else; a document with nothing in it is empty. */
const OPENAPI_V2_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

function answerPath(path: string): Answer {
  if (path === '/openapi/v2') return { status: 200, contentType: OPENAPI_V2_TYPE, body: '' }
  if (/^\/(?:healthz|livez|readyz)$/.test(path)) {
    return plainAnswer('ok')
  }
  const document = discoveryDocument(path)
  if (document === null) throw noSuchResource()
  return jsonAnswer(document)
}

/** The collection. */
async function answerPods(api: Api, request: ApiRequest): Promise<Answer> {
  const { cluster, watches } = api
  const { namespace, query, verb } = request
  const asTable = wantsTable(request.accept)
  if (verb === 'watch') {
    const toText = asTable ? (pod: StoredPod) => JSON.stringify(podTable([pod], versionOf(pod))) : podText
    return { contentType: 'application/json', stream: watchPods({ cluster, watches, request, toText }) }
  }
  if (verb === 'list') {
    const { pods, metadata } = listPods(cluster, request)
    if (asTable) return jsonAnswer(podTable(pods, metadata))
    const items = pods.map(itemText).join(',')
    const body = `{"kind":"PodList","apiVersion":"v1","metadata":${JSON.stringify(metadata)},"items":[${items}]}`
    return { status: 200, contentType: 'application/json', body }
  }
  if (verb !== 'create' || namespace === null) throw methodNotAllowed()
  const { pod, warnings } = await createPod(api, namespace, await request.body(), query)
  return podAnswer(pod, request, { status: 201, warnings })
}

async function answerPod(api: Api, request: ApiRequest, name: string): Promise<Answer> {
  const { cluster } = api
  const { namespace, query, verb, subresource } = request
  const body = verb === 'delete' ? await request.body() : null
  const pod = cluster.find(namespace ?? '', name)
  if (pod === null) throw notFound('pods', name)
  if (subresource === 'log' && verb === 'get') return podLog(pod, query, api.findLog)
  if (subresource !== null && subresource !== 'status') throw noSuchResource()
  switch (verb) {
    case 'get':
      return podAnswer(pod, request)
    case 'update':
    case 'patch':
      return podAnswer(await updatePod(cluster, pod, request), request)
    case 'delete':
      if (subresource !== null) throw methodNotAllowed()
      return podAnswer(deletePod(cluster, pod, deleteOptions(body, query)), request)
    case 'list':
    case 'watch':
    case 'create':
    case 'deletecollection':
      throw methodNotAllowed()
  }
}

function podAnswer(
  pod: StoredPod,
  { accept }: ApiRequest,
  { status, warnings }: { status: number; warnings: readonly string[] } = { status: 200, warnings: [] },
): Answer {
  if (wantsTable(accept)) return jsonAnswer(podTable([pod], versionOf(pod)), status)
  return { status, contentType: 'application/json', body: podText(pod), warnings }
}

function versionOf({ metadata }: StoredPod): object {
  return { resourceVersion: metadata.resourceVersion }
}

function answerNamespaces(api: Api, { name, verb }: ApiRequest): Answer {
  const namespaces = [...api.namespaces].map(namespaceOf)
  if (name === null && verb === 'list') return jsonAnswer(listOf('NamespaceList', 'v1', namespaces, api))
  if (name === null || verb !== 'get') throw methodNotAllowed()
  if (!api.namespaces.has(name)) throw notFound('namespaces', name)
  return jsonAnswer({ kind: 'Namespace', apiVersion: 'v1', ...namespaceOf(name) })
}

function namespaceOf(name: string): JsonObject {
  return {
    metadata: { name, resourceVersion: '1', labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }
}

function answerDeployments(api: Api, { name, namespace, verb }: ApiRequest): Answer {
  const inside = api.deployments.filter((one) => namespace === null || metaOf(one)['namespace'] === namespace)
  if (name === null && verb === 'list') return jsonAnswer(listOf('DeploymentList', 'apps/v1', inside, api))
  if (name === null || verb !== 'get') throw methodNotAllowed()
  const deployment = inside.find((one) => metaOf(one)['name'] === name)
  if (deployment === undefined) throw notFound('deployments', name, 'apps')
  return jsonAnswer({ kind: 'Deployment', apiVersion: 'apps/v1', ...deployment })
}

function metaOf(object: JsonObject): JsonObject {
  return object['metadata'] as JsonObject
}

function listOf(kind: string, apiVersion: string, items: readonly JsonObject[], { cluster }: Api): object {
  return { kind, apiVersion, metadata: { resourceVersion: String(cluster.version()) }, items }
}
