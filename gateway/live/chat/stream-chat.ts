import type { Context as HonoContext } from 'hono'

import { encodeFrame, encodePosition, lastEventId, streamEvents, type EventWriter } from '../../http/event-stream.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findWatchableStream } from '../broadcasts/find-own-stream.ts'
import type { Chat } from './chat.ts'
import { readFrom } from './connect-socket.ts'
import type { ChatReader } from './reader.ts'

const END = encodeFrame({ id: 0, event: 'end', data: '{}' })

/**
 * Streams the chat of a broadcast as server-sent events `message`, each one message or an array of them, whose id is the
 * number of the newest one. `Last-Event-ID`, or `from`, continues after a number, which a client has from the beginning on.
 * Where the gateway has too many readers, the stream ends, and its client comes back.
 * @throws BrokenRule STREAM_NOT_FOUND, INVALID_CONFIG
 */
export async function streamChat(
  { context, rooms }: Chat,
  c: HonoContext,
  { viewer, id }: { readonly viewer: SignedIn | null; readonly id: string },
): Promise<Response> {
  const { stream } = await findWatchableStream(context.db, viewer, id)
  // 204: a browser does not connect again (WHATWG HTML §9.2.3).
  if (stream.state === 'ended') return c.body(null, 204)
  const fromSeq = lastEventId(c) ?? readFrom(c)
  return streamEvents(c, context.streams, (writer) => writeChat({ rooms, viewer, id, fromSeq }, writer))
}

type ChatStream = Pick<Chat, 'rooms'> & {
  readonly viewer: SignedIn | null
  readonly id: string
  readonly fromSeq: number | null
}

async function writeChat({ rooms, viewer, id, fromSeq }: ChatStream, { write, signal }: EventWriter): Promise<void> {
  await new Promise<void>((resolve) => {
    let leave: (() => void) | null = null
    const finish = () => {
      leave?.()
      resolve()
    }
    const reader: ChatReader = {
      viewer,
      begin: (seq) => write(encodePosition(seq)),
      send: (frame) => write(frame.event()),
      // One that leaves too many frames unread is disconnected by its stream.
      isSlow: () => false,
      end(reason) {
        if (reason === 'ended') write(END)
        finish()
      },
    }
    leave = rooms.join(id, reader, fromSeq)
    signal.addEventListener('abort', finish, { once: true })
    if (leave === null || signal.aborted) finish()
  })
}
