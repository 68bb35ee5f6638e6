import type { Context as HonoContext } from 'hono'

import { encodeFrame, streamEvents, type EventWriter } from '../../http/event-stream.ts'
import type { SessionWatch } from '../accounts/session-watch.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import type { NoticeWatch } from './notice-watch.ts'
import { listNotices } from './read-notices.ts'
import { readTopicOf } from './topic.ts'

/** What streams of notices work with. */
export type NoticeSources = {
  readonly context: LiveContext
  readonly watch: NoticeWatch
  readonly sessions: SessionWatch
}

/** Notices that one read finds at most; a client with more reads the list. */
const READ_LIMIT = 50

/**
 * Streams `unread`, how many notices are not read, and `notice`, each new one, as server-sent events, up to the end of the
 * session. What came while a client was away is in the list.
 */
export function streamNotices(sources: NoticeSources, c: HonoContext, signedIn: SignedIn): Response {
  return streamEvents(c, sources.context.streams, (writer) => writeNoticeEvents({ ...sources, signedIn }, writer))
}

async function writeNoticeEvents(
  { context, watch, sessions, signedIn }: NoticeSources & { readonly signedIn: SignedIn },
  writer: EventWriter,
): Promise<void> {
  const send = createNoticeSender(context, signedIn, writer)
  await new Promise<void>((resolve) => {
    const onNews = () => void send()
    const onEnd = () => end()
    const forget = watch.watch(signedIn.user.userId, { onNews, onEnd })
    const unwatch = sessions.watch(signedIn, onEnd)
    const unsubscribe = context.wideNotifier.subscribe(readTopicOf(signedIn.user.userId), onNews)
    const end = () => {
      forget()
      unwatch()
      unsubscribe()
      resolve()
    }
    writer.signal.addEventListener('abort', end, { once: true })
    if (writer.signal.aborted) end()
  })
}

/** Returns a function that sends what has changed. One call at a time reads; what comes meanwhile is read afterwards. */
function createNoticeSender(
  context: LiveContext,
  signedIn: SignedIn,
  { write, signal }: EventWriter,
): () => Promise<void> {
  let known: ReadonlySet<string> | null = null
  let unread = -1
  let number = 0
  let [isReading, isStale] = [false, false]

  async function sendChanges(): Promise<void> {
    const list = await listNotices(context, signedIn, { cursor: undefined, limit: READ_LIMIT })
    const fresh = known === null ? [] : list.notifications.filter(({ notification_id: id }) => known?.has(id) === false)
    for (const notice of fresh.toReversed()) {
      write(encodeFrame({ id: ++number, event: 'notice', data: JSON.stringify(notice) }))
    }
    known = new Set(
      [...(known ?? []), ...list.notifications.map(({ notification_id: id }) => id)].slice(-2 * READ_LIMIT),
    )
    if (list.unread_count === unread) return
    unread = list.unread_count
    write(encodeFrame({ id: ++number, event: 'unread', data: JSON.stringify({ unread_count: unread }) }))
  }

  return async () => {
    isStale = true
    if (isReading) return
    isReading = true
    try {
      while (isStale && !signal.aborted) {
        isStale = false
        await sendChanges()
      }
    } catch (error) {
      context.log.debug('notices of a user could not be read', { error })
    }
    isReading = false
  }
}
