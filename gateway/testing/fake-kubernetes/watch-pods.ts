import { expired, statusOf, versionTooLarge } from './api-error.ts'
import { isTrue, type ApiRequest } from './api-request.ts'
import type { Sink } from './answer.ts'
import type { Cluster, PodEvent } from './cluster.ts'
import { readVersion } from './list-pods.ts'
import { podFilter, type PodFilter } from './selectors.ts'
import type { StoredPod } from './wire.ts'

/** One open watch, as faults see it. */
export type OpenWatch = {
  /** Breaks the connection off. */
  cut(): void
  /** Nothing is sent any more, and nothing closed. */
  silence(): void
  /** Sends a bookmark, where the client takes them. */
  bookmark(): void
}

/** How an object looks in an event: as itself, or as a row of a table. */
export type ObjectText = (pod: StoredPod) => string

type Watched = {
  readonly cluster: Cluster
  readonly watches: Set<OpenWatch>
  readonly request: ApiRequest
  readonly toText: ObjectText
}

type Send = (type: string, object: string) => void

const BOOKMARK_INTERVAL_MS = 60_000
/** How long before its time-out a watch is sent a bookmark; a short one gets none. */
const BOOKMARK_BEFORE_END_MS = 2_000
const BOOKMARKED_FROM_MS = 10_000

/** What writes the stream of events that a query asks for. @throws ApiError 400, 504 */
export function watchPods({ cluster, watches, request, toText }: Watched): (sink: Sink) => void {
  const { query, namespace } = request
  const filter = podFilter(query)
  const since = readVersion(query)
  const wantsInitial = isTrue(query.get('sendInitialEvents'))
  if (wantsInitial && (since ?? 0) > cluster.version()) throw versionTooLarge(since ?? 0, cluster.version())
  const startsWithAll = wantsInitial || (since ?? 0) === 0
  const isMine: PodFilter = (pod) => (namespace === null || pod.metadata.namespace === namespace) && filter(pod)
  return (sink) => {
    const watch = openWatch(sink, query, () => bookmarkText(cluster, false))
    if (!startsWithAll && (since ?? 0) < cluster.oldestVersion()) {
      const gone = expired(`too old resource version: ${since} (${cluster.oldestVersion()})`)
      watch.send('ERROR', JSON.stringify(statusOf(gone)))
      sink.end()
      return
    }
    const follow = (event: PodEvent) => sendEvent(watch.send, event, isMine, toText)
    if (startsWithAll) {
      for (const pod of cluster.list(namespace).filter(filter)) watch.send('ADDED', toText(pod))
    } else for (const event of cluster.eventsAfter(since ?? 0)) follow(event)
    if (wantsInitial) watch.send('BOOKMARK', bookmarkText(cluster, true))
    const unsubscribe = cluster.subscribe(follow)
    watches.add(watch)
    sink.closed.addEventListener('abort', () => {
      unsubscribe()
      watches.delete(watch)
    })
  }
}

/** An object that leaves what the selector covers is deleted for this watch, one that comes in is added. */
function sendEvent(send: Send, { type, pod, before }: PodEvent, isMine: PodFilter, toText: ObjectText): void {
  const was = before !== null && isMine(before)
  const is = type !== 'DELETED' && isMine(pod)
  if (is) send(was ? 'MODIFIED' : 'ADDED', toText(pod))
  // It is told as it was when it still belonged, with the version at which it left.
  else if (was && type === 'DELETED') send('DELETED', toText(pod))
  else if (was)
    send(
      'DELETED',
      toText({ ...before, metadata: { ...before.metadata, resourceVersion: pod.metadata.resourceVersion } }),
    )
}

function openWatch(sink: Sink, query: URLSearchParams, bookmark: () => string): OpenWatch & { send: Send } {
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
  if (timeoutMs >= BOOKMARKED_FROM_MS) timers.push(setTimeout(sendBookmark, timeoutMs - BOOKMARK_BEFORE_END_MS))
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

function bookmarkText(cluster: Cluster, endsInitialEvents: boolean): string {
  const annotations = endsInitialEvents ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata = { resourceVersion: String(cluster.version()), ...annotations }
  return JSON.stringify({ kind: 'Pod', apiVersion: 'v1', metadata, spec: { containers: null }, status: {} })
}
