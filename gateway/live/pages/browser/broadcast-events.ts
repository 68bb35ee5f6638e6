import * as v from 'valibot'

import { StateEvent, UnreadEvent, ViewersEvent } from '../stream-events.ts'
import { followUnread, leaveUnread, NOTICES_QUERY } from './bell.ts'
import { siteUrl, type ViewerQuery } from './elements.ts'

/** What a page does with the events of a broadcast. */
export type BroadcastListener = {
  onState(state: StateEvent): void
  onViewers(viewers: ViewersEvent): void
  /** Called with the data of further events, by their names. */
  readonly others?: ReadonlyMap<string, (data: unknown) => void>
  /** Called when the connection to the gateway is lost, and when it is back. */
  onConnection(isConnected: boolean): void
}

/** A connection that fails and is back within this time is not shown, in ms. */
const GRACE_MS = 2000
/** Interval of attempts where the browser has given up, in ms. */
const RETRY_MS = 3000

/** Follows a broadcast until it has ended, over lost connections too. Its chat has a connection of its own. */
export function followBroadcast(streamId: string, viewer: ViewerQuery, listener: BroadcastListener): void {
  const url = siteUrl(`api/v1/streams/${streamId}/events?chat=off&${viewer.join('=')}${NOTICES_QUERY}`)
  let lostTimer: ReturnType<typeof setTimeout> | undefined
  let isShownAsLost = false

  function showConnected(): void {
    clearTimeout(lostTimer)
    lostTimer = undefined
    if (!isShownAsLost) return
    isShownAsLost = false
    listener.onConnection(true)
  }

  function expectLoss(): void {
    lostTimer ??= setTimeout(() => {
      isShownAsLost = true
      listener.onConnection(false)
    }, GRACE_MS)
  }

  function connect(): void {
    const source = new EventSource(url)
    source.addEventListener('open', showConnected)
    source.addEventListener('error', () => {
      expectLoss()
      leaveUnread()
      // The browser tries again by itself, except after an answer that is no stream of events.
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS)
    })
    source.addEventListener('state', ({ data }) => {
      const state = parseEvent(StateEvent, data)
      if (state?.state === 'ended') {
        source.close()
        leaveUnread()
      }
      if (state !== null) listener.onState(state)
    })
    source.addEventListener('unread', ({ data }) => {
      const unread = parseEvent(UnreadEvent, data)
      if (unread !== null) followUnread(unread.unread_count)
    })
    source.addEventListener('viewers', ({ data }) => {
      const viewers = parseEvent(ViewersEvent, data)
      if (viewers !== null) listener.onViewers(viewers)
    })
    for (const [name, onData] of listener.others ?? []) source.addEventListener(name, ({ data }) => onData(data))
  }
  connect()
}

/** Returns the data of an event; `null` where a newer gateway means something else by it. */
export function parseEvent<Schema extends v.GenericSchema>(
  schema: Schema,
  data: unknown,
): v.InferOutput<Schema> | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), data)
  return parsed.success ? parsed.output : null
}

const PlayableStream = v.object({ playback_url: v.nullable(v.string()) })

/** Returns the address at which a broadcast plays now; `null` where it does not. */
export async function fetchPlaybackUrl(streamId: string): Promise<string | null> {
  try {
    const answer = await fetch(siteUrl(`api/v1/streams/${streamId}`))
    return v.parse(PlayableStream, await answer.json()).playback_url
  } catch {
    return null
  }
}
