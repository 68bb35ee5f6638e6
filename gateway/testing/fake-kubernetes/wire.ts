import type {
  V1ContainerStatus,
  V1ObjectMeta,
  V1Pod,
  V1PodCondition,
  V1PodSpec,
  V1PodStatus,
} from '@kubernetes/client-node'

/** A model of the client's as it travels: its dates are text, and `lastProbeTime` is null where there was none. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Key extends 'lastProbeTime' ? Wire<T[Key]> | null : Wire<T[Key]> }
      : T

export type Pod = Wire<V1Pod>
export type PodSpec = Wire<V1PodSpec>
/** The client's models are of 1.34: since then a Pod's status also has its resources as a whole. */
export type PodStatus = Wire<V1PodStatus> & {
  readonly allocatedResources?: Amounts
  readonly resources?: { readonly limits?: Amounts; readonly requests?: Amounts }
}
export type Amounts = Readonly<Record<string, string>>
export type PodCondition = Wire<V1PodCondition>
export type ContainerStatus = Wire<V1ContainerStatus>
export type PodMeta = Wire<V1ObjectMeta>

/** A Pod as the server keeps it: never changed in place, so that what was made of it can be kept along with it. */
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

/** A time as Kubernetes writes it: RFC 3339 in whole seconds. */
export function kubernetesTime(timeMs = Date.now()): string {
  const second = Math.floor(timeMs / 1000)
  if (second !== lastTime.second) lastTime = { second, text: `${new Date(second * 1000).toISOString().slice(0, 19)}Z` }
  return lastTime.text
}

/** Thousands of Pods are made in one second. */
let lastTime = { second: 0, text: '' }

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Takes JSON as a Pod; what no schema has checked must have been made by a server. */
export function asPod(json: unknown): Pod {
  return json as Pod
}

/** Takes a Pod as one that is stored: it has an identity, or whatever part of it is asked for. */
export function asStoredPod(json: unknown): StoredPod {
  return json as StoredPod
}

/** Without the fields that are there for nothing: JSON has no undefined. */
export function defined<Fields extends object>(
  fields: Fields,
): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> }
}
