import { formatManagedFields } from './managed-fields.ts'
import type { StoredPod } from '../wire.ts'

const texts = new WeakMap<StoredPod, string>()

/** Serializes a Pod as an item of a list, which has no kind and no apiVersion. Cached per stored Pod. */
export function serializePodItem(pod: StoredPod): string {
  const cached = texts.get(pod)
  if (cached !== undefined) return cached
  const { metadata, spec, status } = pod
  const metadataText = JSON.stringify(metadata).slice(0, -1)
  const rest = JSON.stringify({ spec, status }).slice(1)
  const text = `{"metadata":${metadataText},"managedFields":${formatManagedFields(pod)}},${rest}`
  texts.set(pod, text)
  return text
}

/** Serializes a Pod as an object of its own. */
export function serializePod(pod: StoredPod): string {
  return `{"kind":"Pod","apiVersion":"v1",${serializePodItem(pod).slice(1)}`
}
