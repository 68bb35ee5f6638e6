import * as v from 'valibot'

import { setLost } from '../../../web/browser/connection-note.ts'
import { AboutEvent, PingEvent, StateEvent, UnreadEvent, ViewersEvent } from '../stream-events.ts'
import { followUnread, leaveUnread, NOTICES_QUERY } from './bell.ts'
import { fetchSite, readJson, SILENCE, siteUrl, type ViewerQuery } from './elements.ts'
import { linkEvents } from './event-link.ts'
import { noteServerTime } from './server-time.ts'

/** What a page does with the events of a broadcast. */
export type BroadcastListener = {
  /** What further events the page wants, as the end of a query. */
  readonly query?: string
  onState(state: StateEvent): void
  onViewers(viewers: ViewersEvent): void
  onAbout?(about: AboutEvent): void
  /** Called when no events say what changes: the connection is lost, or the broadcast has ended. */
  onLeave?(): void
  /** Called with the data of further events, by their names. */
  readonly others?: ReadonlyMap<string, (data: unknown) => void>
  /** Called when the connection to the gateway is lost, and when it is back. */
  onConnection(isConnected: boolean): void
  /** Called when the broadcast may not be watched any more. */
  onGone(): void
}

/** Statuses of a broadcast that may not be watched: deleted, or not open to this viewer any more. */
const GONE: readonly number[] = [401, 403, 404]

/**
 * Follows a broadcast until it has ended or may not be watched any more, over lost connections too. Its chat has a connection
 * of its own. Returns the function that ends it.
 */
export function followBroadcast(streamId: string, viewer: ViewerQuery, listener: BroadcastListener): () => void {
  const path = `api/v1/streams/${streamId}`
  const url = siteUrl(`${path}/events?chat=off&pings=on&${viewer.join('=')}${NOTICES_QUERY}${listener.query ?? ''}`)
  const events = new Map([
    ...(listener.others ?? []),
    on('ping', PingEvent, ({ now }) => noteServerTime(now)),
    on('about', AboutEvent, (about) => listener.onAbout?.(about)),
    on('viewers', ViewersEvent, (viewers) => listener.onViewers(viewers)),
    on('unread', UnreadEvent, ({ unread_count: count }) => followUnread(count)),
    on('state', StateEvent, (state) => {
      if (state.state === 'ended') stop()
      listener.onState(state)
    }),
  ])
  const end = linkEvents(
    {
      events,
      onConnection(isConnected) {
        setLost(listener, !isConnected)
        listener.onConnection(isConnected)
      },
      onLoss(isSilent) {
        leave()
        if (isSilent) document.dispatchEvent(new Event(SILENCE))
      },
      async mayReturn() {
        const isGone = GONE.includes(await readStatus(path))
        if (isGone) listener.onGone()
        return !isGone
      },
    },
    () => new EventSource(url),
  )
  const leave = () => {
    leaveUnread()
    listener.onLeave?.()
  }
  const stop = () => {
    end()
    leave()
  }
  return stop
}

/** Returns an event with what is done with its data. Data by which a newer gateway means something else is left out. */
export function on<Schema extends v.GenericSchema>(
  name: string,
  schema: Schema,
  apply: (event: v.InferOutput<Schema>) => void,
): readonly [string, (data: unknown) => void] {
  return [
    name,
    (data) => {
      const event = parseEvent(schema, data)
      if (event !== null) apply(event)
    },
  ]
}

/** Returns the status of an answer of the API; 0 where there is none. */
async function readStatus(path: string): Promise<number> {
  try {
    return (await fetchSite(path)).status
  } catch {
    return 0
  }
}

/** Returns the data of an event; `null` where a newer gateway means something else by it. */
export function parseEvent<Schema extends v.GenericSchema>(
  schema: Schema,
  data: unknown,
): v.InferOutput<Schema> | null {
  const parsed = v.safeParse(schema, readJson(data))
  return parsed.success ? parsed.output : null
}

const PlayableStream = v.object({ playback_url: v.nullable(v.string()) })

/** Returns the address at which a broadcast plays now; `null` where it does not. */
export async function fetchPlaybackUrl(streamId: string): Promise<string | null> {
  try {
    const answer = await fetchSite(`api/v1/streams/${streamId}`)
    const stream = v.safeParse(PlayableStream, await answer.json())
    return stream.success ? stream.output.playback_url : null
  } catch {
    return null
  }
}
