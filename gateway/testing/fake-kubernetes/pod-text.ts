import { managedFieldsText } from './managed-fields.ts'
import type { StoredPod } from './wire.ts'

const texts = new WeakMap<StoredPod, string>()

/** A Pod as an item of a list, which has neither kind nor version; made once. */
export function itemText(pod: StoredPod): string {
  const made = texts.get(pod)
  if (made !== undefined) return made
  const { metadata, spec, status } = pod
  const known = JSON.stringify(metadata).slice(0, -1)
  const rest = JSON.stringify({ spec, status }).slice(1)
  const text = `{"metadata":${known},"managedFields":${managedFieldsText(pod)}},${rest}`
  texts.set(pod, text)
  return text
}

/** A Pod on its own. */
export function podText(pod: StoredPod): string {
  return `{"kind":"Pod","apiVersion":"v1",${itemText(pod).slice(1)}`
}
