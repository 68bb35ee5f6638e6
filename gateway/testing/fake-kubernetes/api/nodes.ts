import { methodNotAllowedError, notFoundError } from './errors.ts'
import { applyStrategicPatch } from './patch.ts'
import type { ApiRequest } from './request.ts'
import { jsonResponse, type ApiResponse } from './response.ts'
import { formatTime, isJsonObject, type JsonObject } from '../wire.ts'

/** The only node of the cluster, which a patch can cordon. */
export type ClusterNode = {
  readonly name: string
  isCordoned(): boolean
  setCordoned(isCordoned: boolean): void
}

/** Handles calls on the nodes: get, list, and the patch of `kubectl cordon` and `drain`. @throws ApiError 404, 405 */
export async function handleNodes(node: ClusterNode, request: ApiRequest): Promise<ApiResponse> {
  const { name, verb } = request
  if (name === null && verb === 'list') {
    return jsonResponse({ kind: 'NodeList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [show(node)] })
  }
  if (name !== null && name !== node.name) throw notFoundError('nodes', name)
  if (verb === 'patch') {
    const patched = applyStrategicPatch(show(node), await request.readBody())
    const spec = isJsonObject(patched) ? patched['spec'] : null
    node.setCordoned(isJsonObject(spec) && spec['unschedulable'] === true)
  } else if (verb !== 'get') throw methodNotAllowedError()
  return jsonResponse({ kind: 'Node', apiVersion: 'v1', ...show(node) })
}

function show(node: ClusterNode): JsonObject {
  return {
    metadata: { name: node.name, uid: 'node-1-uid', resourceVersion: '1', creationTimestamp: formatTime(0) },
    spec: node.isCordoned() ? { unschedulable: true } : {},
    status: { conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
  }
}
