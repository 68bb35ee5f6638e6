import type { Context as HonoContext } from 'hono'

import { encodeFrame, encodePosition, lastEventId, streamEvents, type EventWriter } from '../../http/event-stream.ts'
import type { SessionWatch } from '../accounts/session-watch.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import type { CountFollowers } from '../follows/follower-counts.ts'
import type { ReadUnread } from '../notices/read-unread.ts'
import type { AccessChecks } from '../playback/access-checks.ts'
import { removeViewer, type ViewerRef } from '../store/viewers.ts'
import { MONITOR_QUERY, newViewerId, viewerIdOf } from '../playback/viewer-id.ts'
import type { ViewerLeases } from '../playback/viewer-leases.ts'
import { viewTargets } from '../targets/view-targets.ts'
import { findWatchableStream } from './find-own-stream.ts'
import type { FollowedStreams } from './followed-streams.ts'
import { viewOf } from './get-stream.ts'
import type { StreamView } from './present.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import type { OwnedStream } from '../store/streams.ts'

/** Reads the chat of a broadcast for a viewer; returns a function that ends this. */
export type ReadChat = (streamId: string, viewer: SignedIn | null, listener: ChatEventListener) => () => void

type ChatEventListener = {
  /** The number after which the chat begins; `null`: with what is new. */
  readonly fromSeq: number | null
  /** Called with the number after which it does. */
  readonly onBegin: (seq: number) => void
  /** Called with the tips of what is new, then with all of it up to `seq`: one entry or an array of them as JSON. */
  readonly onEntries: (event: 'chat' | 'tips', json: string, seq: number | null) => void
  /** Called where it cannot go on: it is not readable at the moment, or not for this viewer any more. */
  readonly onLost: () => void
}

/** What the event streams of one gateway share. */
export type BroadcastEventSources = {
  readonly context: LiveContext
  readonly leases: ViewerLeases
  readonly followed: FollowedStreams
  readonly readChat: ReadChat
  readonly readUnread: ReadUnread
  readonly countFollowers: CountFollowers
  readonly checks: AccessChecks
  readonly sessions: SessionWatch
}

/** The value of `?chat=` with which a stream has no chat, such as that of a page which reads it by a socket. */
const NO_CHAT = 'off'
/** The value of `?notices=` with which a stream has the event `unread`, as that of a page with a bell. */
const WITH_NOTICES = 'on'
/** The value of `?followers=` with which a stream has the event `followers`, as that of a page with their number. */
const WITH_FOLLOWERS = 'on'
/** The value of `?pings=` with which a stream has the event `ping`: browsers hide comments from the scripts of a page. */
const WITH_PINGS = 'on'
/** Interval of these events, in ms: a page that misses two of them shows within five seconds that its connection is lost. */
const PING_MS = 2000

/**
 * Streams a broadcast's events until it ends or the viewer may not watch it any more; `?notices=on`, `?followers=on` and
 * `?pings=on` add some. The id is that of the newest chat entry. A stream without `?monitor=` is a viewer.
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
  const viewerOf = (streamId: string) => viewerIdOf(context, c, streamId) ?? newViewerId(context, streamId)
  const ref = isCounted ? { streamId: id, viewerId: viewerOf(id) } : null
  const chat = c.req.query('chat') === NO_CHAT ? null : { fromSeq: lastEventId(c) }
  const hasNotices = c.req.query('notices') === WITH_NOTICES
  const hasFollowers = c.req.query('followers') === WITH_FOLLOWERS
  const hasPings = c.req.query('pings') === WITH_PINGS
  const events = { ...sources, viewer, ref, found, chat, hasNotices, hasFollowers, hasPings }
  return streamEvents(c, context.streams, (writer) => writeEvents(events, writer))
}

type BroadcastEvents = BroadcastEventSources & {
  readonly viewer: SignedIn | null
  /** The viewer that the stream counts as; `null` where it is none. */
  readonly ref: ViewerRef | null
  readonly found: OwnedStream
  /** Where its chat begins; `null`: it has none. */
  readonly chat: Pick<ChatEventListener, 'fromSeq'> | null
  readonly hasNotices: boolean
  readonly hasFollowers: boolean
  readonly hasPings: boolean
}

async function writeEvents(events: BroadcastEvents, { write, signal }: EventWriter): Promise<void> {
  const { context, leases, followed, viewer, ref, found, chat } = events
  const { streamId } = found.stream
  const mayWatch = createWatchCheck(events)
  const send = createSender(write)
  const stopPings = events.hasPings ? startPings(write) : () => {}
  const onBegin = (seq: number) => write(encodePosition(seq))
  const isOwner = viewer?.user.userId === found.stream.userId
  let shown: OwnedStream | null = null
  /** Returns whether further events may follow. */
  const show = (current: OwnedStream): boolean => {
    if (current !== shown) sendView(send, viewOf(context, current, viewer))
    shown = current
    if (isOwner) void sendTargets(context, current, send)
    if (events.hasFollowers) void sendFollowers(events, send)
    if (ref !== null && isOnAir(current.stream.state)) leases.see(ref)
    return current.stream.state !== 'ended'
  }
  if (show(found)) {
    await new Promise<void>((resolve) => {
      const apply = async (current: OwnedStream | null) => {
        if (current === null || !(await mayWatch(current)) || !show(current)) end()
      }
      let leaveChat = () => {}
      let leaveViewer = () => {}
      const end = () => {
        unfollow()
        leaveViewer()
        leaveChat()
        resolve()
      }
      const unfollow = followed.follow(streamId, (current) => void apply(current))
      leaveViewer = followViewer(events, send, end)
      // Without its chat, the stream would have a gap: its client resumes.
      const listener = { onBegin, onEntries: send, onLost: end }
      if (chat !== null) leaveChat = events.readChat(streamId, viewer, { ...chat, ...listener })
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
    })
  }
  stopPings()
  if (ref === null) return
  leases.forget(ref)
  await removeViewer(context.db, ref).catch((error: unknown) =>
    context.log.debug('a viewer that has left counts until its lease ends', { stream_id: ref.streamId, error }),
  )
}

/** Follows what concerns the viewer alone: the session, and the notices. Returns a function that ends this. */
function followViewer({ sessions, viewer, ...events }: BroadcastEvents, send: SendEvent, end: () => void): () => void {
  if (viewer === null) return () => {}
  const unwatch = sessions.watch(viewer, end)
  if (!events.hasNotices) return unwatch
  const onCount = (count: number) => send('unread', JSON.stringify({ unread_count: count }))
  const leave = events.readUnread(viewer, { onCount, onLost: end })
  return () => {
    unwatch()
    leave()
  }
}

/** Returns a function that says whether the viewer may still watch. What cannot be read changes nothing. */
function createWatchCheck({ context, checks, viewer }: BroadcastEvents): (current: OwnedStream) => Promise<boolean> {
  return async ({ stream }) => {
    try {
      return await checks.mayStillWatch(stream, viewer)
    } catch (error) {
      context.log.debug('the right of a viewer could not be read', { stream_id: stream.streamId, error })
      return true
    }
  }
}

/** Sends the time of the gateway now and at an interval; returns a function that ends this. */
function startPings(write: EventWriter['write']): () => void {
  const ping = () => {
    const data = JSON.stringify({ now: new Date().toISOString() })
    write(encodeFrame({ id: null, event: 'ping', data }))
  }
  ping()
  const timer = setInterval(ping, PING_MS)
  return () => clearInterval(timer)
}

type SendEvent = (event: string, data: string, id?: number | null) => void

/** Returns a function that writes an event, unless its data is that of the last one of its name. */
function createSender(write: EventWriter['write']): SendEvent {
  const sent = new Map<string, string>()
  return (event, data, id = null) => {
    if (sent.get(event) === data) return
    sent.set(event, data)
    write(encodeFrame({ id, event, data }))
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

/** Sends how many follow the channel. Where they cannot be counted, the next read sends them. */
async function sendFollowers({ context, countFollowers, found }: BroadcastEvents, send: SendEvent): Promise<void> {
  const { userId, streamId } = found.stream
  try {
    send('followers', JSON.stringify({ follower_count: await countFollowers(userId) }))
  } catch (error) {
    context.log.debug('followers of a channel could not be counted', { stream_id: streamId, error })
  }
}

function sendView(send: SendEvent, view: StreamView): void {
  const { state, title, scheduled_for, started_at, ended_at, poster_url } = view
  // The address of one that is not public has a new token each time.
  const is_playable = view.playback_url !== null
  send('state', JSON.stringify({ state, title, scheduled_for, started_at, ended_at, poster_url, is_playable }))
  const { description, category, tags, visibility } = view
  send('about', JSON.stringify({ description, category, tags, visibility }))
  send('viewers', JSON.stringify({ viewer_count: view.viewer_count, peak_viewers: view.peak_viewers }))
  if (view.health !== null) send('health', JSON.stringify(view.health))
}
