import type { Context as HonoContext } from 'hono'

import { encodeFrame, streamEvents, type EventWriter } from '../../http/event-stream.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import type { AccessChecks } from '../playback/access-checks.ts'
import { newCode } from '../new-code.ts'
import { removeViewer, type ViewerRef } from '../store/viewers.ts'
import { MONITOR_QUERY, viewerIdOf } from '../playback/viewer-id.ts'
import type { ViewerLeases } from '../playback/viewer-leases.ts'
import { viewTargets } from '../targets/view-targets.ts'
import { findWatchableStream } from './find-own-stream.ts'
import type { FollowedStreams } from './followed-streams.ts'
import { viewOf } from './get-stream.ts'
import type { StreamView } from './present.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import type { OwnedStream } from '../store/streams.ts'

/**
 * Reads the chat of a broadcast for a viewer: calls `onEntries` with what is new, and again with the tips of it, one entry
 * or an array of them as JSON. Returns a function that ends this.
 */
export type ReadChat = (
  streamId: string,
  viewer: SignedIn | null,
  onEntries: (event: 'chat' | 'tips', json: string) => void,
) => () => void

/** What the event streams of one gateway share. */
export type BroadcastEventSources = {
  readonly context: LiveContext
  readonly leases: ViewerLeases
  readonly followed: FollowedStreams
  readonly readChat: ReadChat
  readonly checks: AccessChecks
}

/** The value of `?chat=` with which a stream has no chat, such as that of a page which reads it by a socket. */
const NO_CHAT = 'off'

/**
 * Streams a broadcast's `state`, `viewers`, `chat`, `tips` and, to its owner, `health` and `targets` as server-sent events, up to
 * its end or the moment at which the viewer may not watch it any more. An open stream counts as a viewer, but not with
 * `?monitor=`; `?viewer=` names the one that the page's player has too.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function streamBroadcast(
  sources: BroadcastEventSources,
  c: HonoContext,
  { viewer, id }: { readonly viewer: SignedIn | null; readonly id: string },
): Promise<Response> {
  const { context } = sources
  const found = await findWatchableStream(context.db, viewer, id)
  const isCounted = c.req.query(MONITOR_QUERY) === undefined
  const ref = isCounted ? { streamId: id, viewerId: viewerIdOf(c) ?? newCode() } : null
  const hasChat = c.req.query('chat') !== NO_CHAT
  return streamEvents(c, context.streams, (writer) => writeEvents({ ...sources, viewer, ref, found, hasChat }, writer))
}

type BroadcastEvents = BroadcastEventSources & {
  readonly viewer: SignedIn | null
  /** The viewer that the stream counts as; `null` where it is none. */
  readonly ref: ViewerRef | null
  readonly found: OwnedStream
  readonly hasChat: boolean
}

async function writeEvents(events: BroadcastEvents, { write, signal }: EventWriter): Promise<void> {
  const { context, leases, followed, viewer, ref, found } = events
  const { streamId } = found.stream
  const mayWatch = createWatchCheck(events)
  const send = createSender(write)
  const isOwner = viewer?.user.userId === found.stream.userId
  let shown: OwnedStream | null = null
  /** Returns whether further events may follow. */
  const show = (current: OwnedStream): boolean => {
    if (current !== shown) sendView(send, viewOf(context, current, viewer))
    shown = current
    if (isOwner) void sendTargets(context, current, send)
    if (ref !== null && isOnAir(current.stream.state)) leases.see(ref)
    return current.stream.state !== 'ended'
  }
  if (show(found)) {
    await new Promise<void>((resolve) => {
      const apply = async (current: OwnedStream | null) => {
        if (current === null || !(await mayWatch(current)) || !show(current)) end()
      }
      const unfollow = followed.follow(streamId, (current) => void apply(current))
      const leaveChat = events.hasChat ? events.readChat(streamId, viewer, send) : () => {}
      const end = () => {
        unfollow()
        leaveChat()
        resolve()
      }
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
    })
  }
  if (ref === null) return
  await removeViewer(context.db, ref).catch((error: unknown) =>
    context.log.debug('a viewer that has left counts until its lease ends', { stream_id: ref.streamId, error }),
  )
}

/** Returns a function that says whether the viewer may still watch. What cannot be read changes nothing. */
function createWatchCheck({ context, checks, viewer }: BroadcastEvents): (current: OwnedStream) => Promise<boolean> {
  return async ({ stream }) => {
    try {
      return await checks.mayStillWatch(stream, viewer)
    } catch (error) {
      context.log.debug('followers could not be read', { stream_id: stream.streamId, error })
      return true
    }
  }
}

type SendEvent = (event: string, data: string) => void

/** Returns a function that writes an event, unless its data is that of the last one of its name. */
function createSender(write: EventWriter['write']): SendEvent {
  const sent = new Map<string, string>()
  let number = 0
  return (event, data) => {
    if (sent.get(event) === data) return
    sent.set(event, data)
    write(encodeFrame({ id: ++number, event, data }))
  }
}

/** Sends the platforms that a broadcast is pushed to. Where they cannot be read, the next read sends them. */
async function sendTargets({ db, log }: LiveContext, { stream }: OwnedStream, send: SendEvent): Promise<void> {
  try {
    send('targets', JSON.stringify(await viewTargets(db, stream)))
  } catch (error) {
    log.debug('targets of a broadcast could not be read', { stream_id: stream.streamId, error })
  }
}

function sendView(send: SendEvent, view: StreamView): void {
  const { state, title, started_at, ended_at, poster_url } = view
  // The address of one that is not public has a new token each time.
  const is_playable = view.playback_url !== null
  send('state', JSON.stringify({ state, title, started_at, ended_at, poster_url, is_playable }))
  send('viewers', JSON.stringify({ viewer_count: view.viewer_count, peak_viewers: view.peak_viewers }))
  if (view.health !== null) send('health', JSON.stringify(view.health))
}
