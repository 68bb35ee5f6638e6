import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isConfiguration } from '../flv/tag-payload.ts'

/** What a listener receives of a session. A gap: frames are missing between the tags before and after it. */
export type FeedListener = { onTag(tag: FlvTag): void; onGap(): void }

/** The media of one session of an encoder, as it comes. */
export type FeedSession = {
  /** Aborts when the session has ended. */
  readonly ended: AbortSignal
  /** Returns the metadata and the newest decoder configurations: what a listener needs before its first frame. */
  start(): readonly FlvTag[]
  hasVideo(): boolean
  /** Calls the listener from now on; the returned function ends that. */
  listen(listener: FeedListener): () => void
}

/** Passes on one session after another to any number of listeners. It keeps no frame: a listener is never waited for. */
export type MediaFeed = {
  /** Begins a session. The one before it ends. */
  begin(): void
  add(tag: FlvTag): void
  /** States that frames are missing before the next tag. */
  markGap(): void
  end(): void
  /** Returns the session that is read now; `null`: none. */
  current(): FeedSession | null
  /** Resolves with the next session, or `null` when the signal aborts. */
  waitForSession(signal: AbortSignal): Promise<FeedSession | null>
}

type OpenFeedSession = FeedSession & {
  readonly headers: Map<string, FlvTag>
  readonly listeners: Set<FeedListener>
  end(): void
}

/** Creates a feed without a session. */
export function createMediaFeed(): MediaFeed {
  let session: OpenFeedSession | null = null
  const waiting = new Set<() => void>()
  const end = () => {
    session?.end()
    session = null
  }
  return {
    begin: () => {
      end()
      session = openSession()
      for (const notify of waiting) notify()
    },
    add: (tag) => {
      if (session === null) return
      const name = nameHeader(tag)
      if (name !== null) session.headers.set(name, tag)
      for (const listener of session.listeners) listener.onTag(tag)
    },
    markGap: () => {
      for (const listener of session?.listeners ?? []) listener.onGap()
    },
    end,
    current: () => session,
    waitForSession: (signal) =>
      new Promise((resolve) => {
        const finish = () => {
          waiting.delete(finish)
          signal.removeEventListener('abort', finish)
          resolve(signal.aborted ? null : session)
        }
        if (session !== null || signal.aborted) return resolve(signal.aborted ? null : session)
        waiting.add(finish)
        signal.addEventListener('abort', finish)
      }),
  }
}

function openSession(): OpenFeedSession {
  const ended = new AbortController()
  const headers = new Map<string, FlvTag>()
  const listeners = new Set<FeedListener>()
  return {
    ended: ended.signal,
    headers,
    listeners,
    start: () => [...headers.values()],
    hasVideo: () => headers.has('video'),
    listen: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    end: () => {
      listeners.clear()
      ended.abort()
    },
  }
}

/** Returns the kind of a decoder configuration or of metadata, of which the newest one counts; `null` of a frame. */
function nameHeader(tag: FlvTag): string | null {
  if (tag.type === TAG_TYPE.script) return 'metadata'
  if (!isConfiguration(tag)) return null
  return tag.type === TAG_TYPE.video ? 'video' : 'audio'
}
