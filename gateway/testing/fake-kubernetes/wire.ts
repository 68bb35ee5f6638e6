import type {
  V1ContainerStatus,
  V1ObjectMeta,
  V1Pod,
  V1PodCondition,
  V1PodSpec,
  V1PodStatus,
} from '@kubernetes/client-node'

/** A model of the client as JSON: dates are text, and an unset `lastProbeTime` is null. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Key extends 'lastProbeTime' ? Wire<T[Key]> | null : Wire<T[Key]> }
      : T

export type Pod = Wire<V1Pod>
export type PodSpec = Wire<V1PodSpec>
/** The client's models are of Kubernetes 1.34. Later versions add the resources of the whole Pod. */
export type PodStatus = Wire<V1PodStatus> & {
  readonly allocatedResources?: Amounts
  readonly resources?: { readonly limits?: Amounts; readonly requests?: Amounts }
}
export type Amounts = Readonly<Record<string, string>>
export type PodCondition = Wire<V1PodCondition>
export type ContainerStatus = Wire<V1ContainerStatus>
export type PodMeta = Wire<V1ObjectMeta>

/** A Pod as the store holds it. It is never changed in place, so that values derived from it can be cached. */
export type StoredPod = {
  readonly metadata: PodMeta & {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation: number
  }
  readonly spec: PodSpec
  readonly status: PodStatus
}

export type JsonObject = { readonly [key: string]: unknown }

/** Formats a time as Kubernetes does: RFC 3339 in whole seconds. */
export function formatTime(timeMs = Date.now()): string {
  const second = Math.floor(timeMs / 1000)
  if (second !== lastFormatted.second)
    lastFormatted = { second, text: `${new Date(second * 1000).toISOString().slice(0, 19)}Z` }
  return lastFormatted.text
}

/** The last result: thousands of Pods are created within one second. */
let lastFormatted = { second: 0, text: '' }

/** Returns whether a value is a JSON object, no array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Casts JSON to a Pod. The JSON must come from a decoder or an API server. */
export function asPod(json: unknown): Pod {
  return json as Pod
}

/** Casts a Pod to a stored one. The caller must not read the parts that it lacks. */
export function asStoredPod(json: unknown): StoredPod {
  return json as StoredPod
}

/** Omits the fields whose value is undefined, which JSON does not have. */
export function omitUndefined<Fields extends object>(
  fields: Fields,
): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }
}
