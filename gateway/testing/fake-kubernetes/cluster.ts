import { EventEmitter } from 'node:events'

import type { StoredPod } from './wire.ts'

/** A change of one Pod. `before` is null where it was added; at its deletion `pod` is what it was last. */
export type PodEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly version: number
  readonly pod: StoredPod
  readonly before: StoredPod | null
}

/** A Pod without what storing it adds. */
export type NewPod = Omit<StoredPod, 'metadata'> & {
  readonly metadata: Omit<StoredPod['metadata'], 'resourceVersion'>
}

/** The Pods, and how they came to be what they are: what etcd and the watch cache are to the API server. */
export type Cluster = {
  version(): number
  /** The oldest version that a watch may start from, or a list be of. */
  oldestVersion(): number
  /** All Pods of a namespace (`null`: of all), by name. */
  list(namespace: string | null): readonly StoredPod[]
  /** The same as it was at a version that is not older than the oldest. */
  listAt(version: number, namespace: string | null): readonly StoredPod[]
  find(namespace: string, name: string): StoredPod | null
  add(pod: NewPod): StoredPod
  /** Stores a Pod in place of one that is there. */
  replace(pod: NewPod): StoredPod
  remove(pod: StoredPod): StoredPod
  eventsAfter(version: number): readonly PodEvent[]
  /** Calls `listener` at once with each event, which must change nothing itself; gives what ends it. */
  subscribe(listener: (event: PodEvent) => void): () => void
  /** Forgets all history: what refers to an older version is 410 from now on. */
  compact(): void
}

const KEPT_EVENTS = 50_000
/** Where a cluster stands that has just come up. */
const FIRST_VERSION = 300

export function createCluster(): Cluster {
  const pods = new Map<string, StoredPod>()
  const emitter = new EventEmitter<{ event: [PodEvent] }>().setMaxListeners(0)
  const history = createHistory()
  let sortedKeys: readonly string[] | null = null
  let version = FIRST_VERSION

  function store(type: PodEvent['type'], { metadata, spec, status }: NewPod): StoredPod {
    version += 1
    const pod = { metadata: { ...metadata, resourceVersion: String(version) }, spec, status }
    const key = keyOf(pod)
    const before = pods.get(key) ?? null
    if (type === 'DELETED') pods.delete(key)
    else pods.set(key, pod)
    if (type !== 'MODIFIED') sortedKeys = null
    const event = { type, version, pod, before }
    history.add(event)
    emitter.emit('event', event)
    return pod
  }

  function all(): readonly StoredPod[] {
    sortedKeys ??= [...pods.keys()].toSorted()
    return sortedKeys.flatMap((key) => pods.get(key) ?? [])
  }

  return {
    version: () => version,
    oldestVersion: history.oldest,
    list: (namespace) => ofNamespace(all(), namespace),
    listAt: (at, namespace) => ofNamespace(at >= version ? all() : byName(undone(pods, history.after(at))), namespace),
    find: (namespace, name) => pods.get(`${namespace}/${name}`) ?? null,
    add: (pod) => store('ADDED', pod),
    replace: (pod) => store('MODIFIED', pod),
    remove: (pod) => store('DELETED', pod),
    eventsAfter: history.after,
    subscribe(listener) {
      emitter.on('event', listener)
      return () => void emitter.off('event', listener)
    },
    compact: () => history.forget(version),
  }
}

type History = {
  add(event: PodEvent): void
  after(version: number): readonly PodEvent[]
  oldest(): number
  forget(upTo: number): void
}

function createHistory(): History {
  let events: PodEvent[] = []
  let oldest = 0
  function forget(upTo: number): void {
    oldest = upTo
    events = events.filter(({ version }) => version > upTo)
  }
  return {
    add(event) {
      events.push(event)
      if (events.length > 2 * KEPT_EVENTS) forget(event.version - KEPT_EVENTS)
    },
    // Each event has a version of its own.
    after: (version) => events.slice(Math.max(0, version + 1 - (events[0]?.version ?? 0))),
    oldest: () => oldest,
    forget,
  }
}

/** The Pods as they were before these events. */
function undone(pods: ReadonlyMap<string, StoredPod>, events: readonly PodEvent[]): ReadonlyMap<string, StoredPod> {
  const then = new Map(pods)
  for (const { pod, before } of events.toReversed()) {
    if (before === null) then.delete(keyOf(pod))
    else then.set(keyOf(pod), before)
  }
  return then
}

/** Where a Pod stands in the order of lists. */
export function keyOf({ metadata }: Pick<NewPod, 'metadata'>): string {
  return `${metadata.namespace}/${metadata.name}`
}

function byName(pods: ReadonlyMap<string, StoredPod>): readonly StoredPod[] {
  return [...pods.keys()].toSorted().flatMap((key) => pods.get(key) ?? [])
}

function ofNamespace(pods: readonly StoredPod[], namespace: string | null): readonly StoredPod[] {
  return namespace === null ? pods : pods.filter((pod) => pod.metadata.namespace === namespace)
}
