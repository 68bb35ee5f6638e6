import { EventEmitter } from 'node:events'

import type { StoredPod } from './wire.ts'

/** A change of one Pod. `before` is null for an added Pod; for a deleted one `pod` is its last state. */
export type PodEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly version: number
  readonly pod: StoredPod
  readonly before: StoredPod | null
}

/** A Pod before it is stored and gets a resourceVersion. */
export type NewPod = Omit<StoredPod, 'metadata'> & {
  readonly metadata: Omit<StoredPod['metadata'], 'resourceVersion'>
}

/** The stored Pods and the history of their changes: the counterpart of etcd and the watch cache. */
export type PodStore = {
  currentVersion(): number
  /** The oldest version that a watch may start from and a list may have. */
  oldestVersion(): number
  /** Lists the Pods of a namespace, of all with `null`, by name. */
  list(namespace: string | null): readonly StoredPod[]
  /** Lists the Pods as they were at a version, which must not be older than the oldest one. */
  listAt(version: number, namespace: string | null): readonly StoredPod[]
  find(namespace: string, name: string): StoredPod | null
  add(pod: NewPod): StoredPod
  /** Stores a Pod in place of the one with its name. */
  replace(pod: NewPod): StoredPod
  remove(pod: StoredPod): StoredPod
  eventsAfter(version: number): readonly PodEvent[]
  /** Calls `listener` synchronously with each event; it must not change the store. Returns the unsubscribe function. */
  subscribe(listener: (event: PodEvent) => void): () => void
  /** Drops the history, so that older versions are answered with 410. */
  compact(): void
}

const MAX_EVENTS = 50_000
/** The version of a new cluster. */
const FIRST_VERSION = 300

/** Creates an empty store. */
export function createPodStore(): PodStore {
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

  function listAll(): readonly StoredPod[] {
    sortedKeys ??= [...pods.keys()].toSorted()
    return sortedKeys.flatMap((key) => pods.get(key) ?? [])
  }

  return {
    currentVersion: () => version,
    oldestVersion: history.oldest,
    list: (namespace) => filterByNamespace(listAll(), namespace),
    listAt: (at, namespace) =>
      filterByNamespace(at >= version ? listAll() : sortByKey(revertEvents(pods, history.after(at))), namespace),
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
      if (events.length > 2 * MAX_EVENTS) forget(event.version - MAX_EVENTS)
    },
    // Every event has its own version, so the version is an index.
    after: (version) => events.slice(Math.max(0, version + 1 - (events[0]?.version ?? 0))),
    oldest: () => oldest,
    forget,
  }
}

/** Returns the Pods as they were before these events. */
function revertEvents(
  pods: ReadonlyMap<string, StoredPod>,
  events: readonly PodEvent[],
): ReadonlyMap<string, StoredPod> {
  const reverted = new Map(pods)
  for (const { pod, before } of events.toReversed()) {
    if (before === null) reverted.delete(keyOf(pod))
    else reverted.set(keyOf(pod), before)
  }
  return reverted
}

/** Returns the key by which lists are ordered. */
export function keyOf({ metadata }: Pick<NewPod, 'metadata'>): string {
  return `${metadata.namespace}/${metadata.name}`
}

function sortByKey(pods: ReadonlyMap<string, StoredPod>): readonly StoredPod[] {
  return [...pods.keys()].toSorted().flatMap((key) => pods.get(key) ?? [])
}

function filterByNamespace(pods: readonly StoredPod[], namespace: string | null): readonly StoredPod[] {
  return namespace === null ? pods : pods.filter((pod) => pod.metadata.namespace === namespace)
}
