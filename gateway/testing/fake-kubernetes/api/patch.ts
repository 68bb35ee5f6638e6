import { isJsonObject, type JsonObject } from '../wire.ts'

/** Applies a JSON Merge Patch (RFC 7386). */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  const result: Record<string, unknown> = isJsonObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = applyMergePatch(result[name], value)
  }
  return result
}

/** The keys of list items in a Pod (`patchMergeKey` in the API's types). Lists without a key are replaced. */
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

/** Applies a Strategic Merge Patch to a Pod, with the directives that kubectl and a kubelet send. */
export function applyStrategicPatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch
  if (patch['$patch'] === 'replace') return dropDirectives(patch)
  const result: Record<string, unknown> = isJsonObject(target) ? retainKeys(target, patch['$retainKeys']) : {}
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue
    const mergeKey = MERGE_KEYS[name]
    if (value === null) delete result[name]
    else if (Array.isArray(value) && mergeKey !== undefined) {
      result[name] = mergeLists(listOf(result[name]), listOf(value), mergeKey)
    } else result[name] = applyStrategicPatch(result[name], value)
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
    } else if (index < 0) result.push(dropDirectives(patch))
    else result[index] = applyStrategicPatch(result[index], patch) as JsonObject
  }
  return result
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function retainKeys(target: JsonObject, keys: unknown): Record<string, unknown> {
  if (!Array.isArray(keys)) return { ...target }
  return Object.fromEntries(Object.entries(target).filter(([name]) => keys.includes(name)))
}

function dropDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')))
}
