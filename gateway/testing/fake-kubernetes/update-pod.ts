import { isDeepStrictEqual } from 'node:util'

import { conflict, invalid, unsupportedMediaType } from './api-error.ts'
import type { ApiRequest } from './api-request.ts'
import type { Cluster } from './cluster.ts'
import { checkPod } from './pod-checks.ts'
import { readPod } from './pod-schema.ts'
import { mergePatch, strategicPatch } from './patch.ts'
import { defined, type Pod, type PodSpec, type StoredPod } from './wire.ts'

const PATCHES: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/merge-patch+json': mergePatch,
  'application/strategic-merge-patch+json': strategicPatch,
}

/** The fields of a Pod's spec that may change once it is there. */
const SPEC_FIXED =
  'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/**
 * PUT or PATCH of a Pod, or of its status; what changes nothing gets no new version.
 * @throws ApiError 400, 409, 415, 422
 */
export async function updatePod(cluster: Cluster, pod: StoredPod, request: ApiRequest): Promise<StoredPod> {
  const { pod: next } = await readPod(await wantedPod(pod, request))
  const { name, namespace, resourceVersion } = pod.metadata
  // While the body was read another call may have changed it.
  const current = cluster.find(namespace, name) ?? pod
  if ((next.metadata?.resourceVersion ?? resourceVersion) !== current.metadata.resourceVersion) {
    throw conflict(
      'pods',
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    )
  }
  checkPod(next)
  const changed = request.subresource === 'status' ? withStatusOf(current, next) : withSpecOf(current, next)
  if (isDeepStrictEqual(changed, current) || request.query.has('dryRun')) return changed
  return cluster.replace(changed)
}

async function wantedPod(pod: StoredPod, request: ApiRequest): Promise<unknown> {
  const body = await request.body()
  if (request.verb === 'update') return body
  const patch = PATCHES[request.contentType]
  if (patch === undefined) throw unsupportedMediaType(Object.keys(PATCHES))
  return patch({ apiVersion: 'v1', kind: 'Pod', ...pod }, body)
}

function withStatusOf(pod: StoredPod, next: Pod): StoredPod {
  return { ...pod, status: next.status ?? {} }
}

function withSpecOf(pod: StoredPod, { metadata = {}, spec = pod.spec }: Pod): StoredPod {
  if (!isDeepStrictEqual(fixedPart(pod.spec), fixedPart(spec))) {
    const cause = { reason: 'FieldValueForbidden', message: SPEC_FIXED, field: 'spec' }
    throw invalid('Pod', pod.metadata.name, [cause])
  }
  const { labels, annotations, finalizers, ownerReferences } = metadata
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...fixed } = pod.metadata
  const isSameSpec = isDeepStrictEqual(spec, pod.spec)
  return {
    ...pod,
    metadata: {
      ...fixed,
      ...defined({ labels, annotations, finalizers, ownerReferences }),
      generation: fixed.generation + (isSameSpec ? 0 : 1),
    },
    spec,
  }
}

function fixedPart({ activeDeadlineSeconds: _deadline, tolerations: _tolerations, ...spec }: PodSpec): object {
  return { ...spec, containers: spec.containers.map(({ image: _image, ...container }) => container) }
}
