import { expiredError, toStatus, versionTooLargeError } from './errors.ts'
import { isTrue, type ApiRequest } from './request.ts'
import type { ResponseSink } from './response.ts'
import type { PodStore, PodEvent } from '../pod-store.ts'
import { parseResourceVersion } from './list-pods.ts'
import { parsePodFilter, type PodFilter } from './selectors.ts'
import type { StoredPod } from '../wire.ts'

/** An open watch, for fault injection. */
export type OpenWatch = {
  /** Breaks the connection. */
  cut(): void
  /** Keeps the connection open and sends nothing any more. */
  silence(): void
  /** Sends a bookmark if the client accepts them. */
  bookmark(): void
}

/** Serializes the object of an event: as a Pod, or as a row of a table. */
export type PodSerializer = (pod: StoredPod) => string

type WatchOptions = {
  readonly store: PodStore
  readonly watches: Set<OpenWatch>
  readonly request: ApiRequest
  readonly serialize: PodSerializer
}

type Send = (type: string, object: string) => void

const BOOKMARK_INTERVAL_MS = 60_000
/** The time of the last bookmark before the timeout of a watch; a short watch gets none. */
const FINAL_BOOKMARK_MS = 2_000
const MIN_BOOKMARKED_TIMEOUT_MS = 10_000

/** Returns the function that streams the events of a query. @throws ApiError 400, 504 */
export function watchPods({ store, watches, request, serialize }: WatchOptions): (sink: ResponseSink) => void {
  const { query, namespace } = request
  const filter = parsePodFilter(query)
  const since = parseResourceVersion(query)
  const wantsInitial = isTrue(query.get('sendInitialEvents'))
  if (wantsInitial && (since ?? 0) > store.currentVersion())
    throw versionTooLargeError(since ?? 0, store.currentVersion())
  const startsWithAll = wantsInitial || (since ?? 0) === 0
  const isSelected: PodFilter = (pod) => (namespace === null || pod.metadata.namespace === namespace) && filter(pod)
  return (sink) => {
    const watch = openWatch(sink, query, () => formatBookmark(store, false))
    if (!startsWithAll && (since ?? 0) < store.oldestVersion()) {
      const error = expiredError(`too old resource version: ${since} (${store.oldestVersion()})`)
      watch.send('ERROR', JSON.stringify(toStatus(error)))
      sink.end()
      return
    }
    const follow = (event: PodEvent) => sendEvent(watch.send, event, isSelected, serialize)
    if (startsWithAll) {
      for (const pod of store.list(namespace).filter(filter)) watch.send('ADDED', serialize(pod))
    } else for (const event of store.eventsAfter(since ?? 0)) follow(event)
    if (wantsInitial) watch.send('BOOKMARK', formatBookmark(store, true))
    const unsubscribe = store.subscribe(follow)
    watches.add(watch)
    sink.closed.addEventListener('abort', () => {
      unsubscribe()
      watches.delete(watch)
    })
  }
}

/** Sends a change as this watch sees it: a Pod that leaves the selector is deleted, one that enters it is added. */
function sendEvent(send: Send, { type, pod, before }: PodEvent, isSelected: PodFilter, serialize: PodSerializer): void {
  const wasMatch = before !== null && isSelected(before)
  const isMatch = type !== 'DELETED' && isSelected(pod)
  if (isMatch) send(wasMatch ? 'MODIFIED' : 'ADDED', serialize(pod))
  // A Pod that leaves the selector is sent as it was before, with the version at which it left.
  else if (wasMatch && type === 'DELETED') send('DELETED', serialize(pod))
  else if (wasMatch)
    send(
      'DELETED',
      serialize({ ...before, metadata: { ...before.metadata, resourceVersion: pod.metadata.resourceVersion } }),
    )
}

function openWatch(sink: ResponseSink, query: URLSearchParams, bookmark: () => string): OpenWatch & { send: Send } {
  let isSilent = false
  const timers: NodeJS.Timeout[] = []
  const send: Send = (type, object) => {
    if (!isSilent) sink.write(`{"type":"${type}","object":${object}}\n`)
  }
  const sendBookmark = () => {
    if (isTrue(query.get('allowWatchBookmarks'))) send('BOOKMARK', bookmark())
  }
  const timeoutMs = Number(query.get('timeoutSeconds') ?? 0) * 1000
  timers.push(setInterval(sendBookmark, BOOKMARK_INTERVAL_MS))
  if (timeoutMs >= MIN_BOOKMARKED_TIMEOUT_MS) timers.push(setTimeout(sendBookmark, timeoutMs - FINAL_BOOKMARK_MS))
  if (timeoutMs > 0) {
    timers.push(
      setTimeout(() => {
        if (!isSilent) sink.end()
      }, timeoutMs),
    )
  }
  sink.closed.addEventListener('abort', () => {
    for (const timer of timers) clearTimeout(timer)
  })
  return {
    send,
    cut: () => sink.cut(),
    silence() {
      isSilent = true
    },
    bookmark: sendBookmark,
  }
}

function formatBookmark(store: PodStore, endsInitialEvents: boolean): string {
  const annotations = endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata = { resourceVersion: String(store.currentVersion()), ...annotations }
  return JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata, spec: { containers: null }, status: {} })
}
