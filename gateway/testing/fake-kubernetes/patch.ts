import { isJsonObject, type JsonObject } from './wire.ts'

/** JSON Merge Patch, RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const result: Record<string, unknown> = isJsonObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = mergePatch(result[name], value)
  }
  return result
}

/** By what the items of a Pod's lists are told apart (`patchMergeKey` in the API's types); other lists are replaced. */
export const MERGE_KEYS: Readonly<Record<string, string>> = {
  conditions: 'type',
  containers: 'name',
  env: 'name',
  ephemeralContainers: 'name',
  hostIPs: 'ip',
  imagePullSecrets: 'name',
  initContainers: 'name',
  ownerReferences: 'uid',
  podIPs: 'ip',
  ports: 'containerPort',
  topologySpreadConstraints: 'topologyKey',
  volumeMounts: 'mountPath',
  volumes: 'name',
}

/** Strategic Merge Patch for a Pod, with the directives that kubectl and a kubelet send. */
export function strategicPatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  if (patch['$patch'] === 'replace') return withoutDirectives(patch)
  const result: Record<string, unknown> = isJsonObject(target) ? retained(target, patch['$retainKeys']) : {}
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue
    const mergeKey = MERGE_KEYS[name]
    if (value === null) delete result[name]
    else if (Array.isArray(value) && mergeKey !== undefined) {
      result[name] = mergeLists(listOf(result[name]), listOf(value), mergeKey)
    } else result[name] = strategicPatch(result[name], value)
  }
  return result
}

function mergeLists(items: readonly JsonObject[], patches: readonly JsonObject[], key: string): JsonObject[] {
  const isReplaced = patches.some((patch) => patch['$patch'] === 'replace' && !(key in patch))
  const result = isReplaced ? [] : [...items]
  for (const patch of patches.filter((one) => key in one)) {
    const index = result.findIndex((item) => item[key] === patch[key])
    if (patch['$patch'] === 'delete') {
      if (index >= 0) result.splice(index, 1)
    } else if (index < 0) result.push(withoutDirectives(patch))
    else result[index] = strategicPatch(result[index], patch) as JsonObject
  }
  return result
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function retained(target: JsonObject, keys: unknown): Record<string, unknown> {
  if (!Array.isArray(keys)) return { ...target }
  return Object.fromEntries(Object.entries(target).filter(([name]) => keys.includes(name)))
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')))
}
