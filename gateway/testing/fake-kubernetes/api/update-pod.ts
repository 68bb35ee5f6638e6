import { isDeepStrictEqual } from 'node:util'

import { conflictError, invalidError, unsupportedMediaTypeError } from './errors.ts'
import type { ApiRequest } from './request.ts'
import type { PodStore } from '../pod-store.ts'
import { validatePod } from './validate-pod.ts'
import { decodePod } from './decode-pod.ts'
import { applyMergePatch, applyStrategicPatch } from './patch.ts'
import { omitUndefined, type Pod, type PodSpec, type StoredPod } from '../wire.ts'

const PATCH_TYPES: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/merge-patch+json': applyMergePatch,
  'application/strategic-merge-patch+json': applyStrategicPatch,
}

/** The API server's message about the fields of a spec that may change. */
const SPEC_IMMUTABLE =
  'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/**
 * Applies PUT or PATCH to a Pod or its status. An update without a change creates no new version.
 * @throws ApiError 400, 409, 415, 422
 */
export async function updatePod(store: PodStore, pod: StoredPod, request: ApiRequest): Promise<StoredPod> {
  const { pod: next } = await decodePod(await readUpdate(pod, request))
  const { name, namespace, resourceVersion } = pod.metadata
  // Another call may have changed the Pod while the body was read.
  const current = store.find(namespace, name) ?? pod
  if ((next.metadata?.resourceVersion ?? resourceVersion) !== current.metadata.resourceVersion) {
    throw conflictError(
      'pods',
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    )
  }
  validatePod(next)
  const changed = request.subresource === 'status' ? updateStatus(current, next) : updateSpec(current, next)
  if (isDeepStrictEqual(changed, current) || request.query.has('dryRun')) return changed
  return store.replace(changed)
}

async function readUpdate(pod: StoredPod, request: ApiRequest): Promise<unknown> {
  const body = await request.readBody()
  if (request.verb === 'update') return body
  const patch = PATCH_TYPES[request.contentType]
  if (patch === undefined) throw unsupportedMediaTypeError(Object.keys(PATCH_TYPES))
  return patch({ apiVersion: 'v1', kind: 'Pod', ...pod }, body)
}

function updateStatus(pod: StoredPod, next: Pod): StoredPod {
  return { ...pod, status: next.status ?? {} }
}

function updateSpec(pod: StoredPod, { metadata = {}, spec = pod.spec }: Pod): StoredPod {
  if (!isDeepStrictEqual(immutableFields(pod.spec), immutableFields(spec))) {
    const cause = { reason: 'FieldValueForbidden', message: SPEC_IMMUTABLE, field: 'spec' }
    throw invalidError('Pod', pod.metadata.name, [cause])
  }
  const { labels, annotations, finalizers, ownerReferences } = metadata
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...fixed } = pod.metadata
  const isSameSpec = isDeepStrictEqual(spec, pod.spec)
  return {
    ...pod,
    metadata: {
      ...fixed,
      ...omitUndefined({ labels, annotations, finalizers, ownerReferences }),
      generation: fixed.generation + (isSameSpec ? 0 : 1),
    },
    spec,
  }
}

function immutableFields({ activeDeadlineSeconds: _deadline, tolerations: _tolerations, ...spec }: PodSpec): object {
  return { ...spec, containers: spec.containers.map(({ image: _image, ...container }) => container) }
}
