import type { Context as HonoContext } from 'hono'

import { BrokenRule, invalidField } from '../../errors.ts'
import { createErrorReader } from '../../http/error-response.ts'
import type { OpenSocket, SocketEvents } from '../../ports/web-sockets.ts'
import type { SignedIn } from '../accounts/session.ts'
import { refuseOtherOrigin } from '../accounts/session.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { findOpenChat } from './find-open-chat.ts'
import type { Chat } from './chat.ts'
import type { ChatReader, ReaderEnd } from './reader.ts'
import { createSpeaker, type Speaker } from './speaker.ts'

/** Bytes that may wait for a reader: some 30 s of a busy chat. */
const MAX_WAITING_BYTES = 256 * 1024
/** RFC 6455 §7.4.1, and of our own in 4000…4999: 4401 and 4404 are no reason to come back. */
const CLOSES = {
  ended: { code: 1000, reason: 'the broadcast has ended' },
  signed_out: { code: 4401, reason: 'the session has ended' },
  gone: { code: 4404, reason: 'this broadcast may not be watched any more' },
  slow: { code: 1008, reason: 'the client reads too slowly' },
  failed: { code: 1011, reason: 'the chat cannot be read at the moment' },
} as const satisfies Readonly<Record<ReaderEnd, { code: number; reason: string }>>
const RESTART = { code: 1012, reason: 'the gateway stops; connect again' }
const FLOOD = { code: 1008, reason: 'too much was sent' }

/**
 * Accepts a WebSocket to the chat of a broadcast. With `from`, it begins with what follows that number; else with what is
 * new. Browsers may connect from this site's pages only.
 * @throws BrokenRule STREAM_NOT_FOUND, STREAM_ENDED, FORBIDDEN, INVALID_CONFIG, SOCKETS_UNAVAILABLE
 */
export async function connectSocket(
  chat: Chat,
  c: HonoContext,
  { viewer, id }: { readonly viewer: SignedIn | null; readonly id: string },
): Promise<Response> {
  const { context, rooms, writer } = chat
  refuseOtherOrigin(context, c)
  if (context.acceptSocket === null) throw noSockets()
  await findOpenChat(context.db, viewer, id)
  const fromSeq = readFrom(c)
  const readError = createErrorReader(context.log, context.isDatabaseGone)
  return context.acceptSocket(c, (socket) => {
    const reader = toReader(socket, viewer)
    const speaker = createSpeaker({ writer, streamId: id, viewer, readError: (error) => readError(error, c) })
    return serve(socket, speaker, () => {
      const leave = rooms.join(id, reader, fromSeq)
      if (leave === null) return null
      const forget = context.streams.untilClosing(() => socket.close(RESTART.code, RESTART.reason))
      return () => {
        forget()
        leave()
      }
    })
  })
}

/** Connects a socket; one for which there is no room is closed. */
function serve(socket: OpenSocket, speaker: Speaker, join: () => (() => void) | null): SocketEvents {
  const leave = join()
  if (leave === null) socket.close(CLOSES.failed.code, CLOSES.failed.reason)
  return {
    onText(text) {
      const answer = speaker.hear(text)
      if (answer === null) socket.close(FLOOD.code, FLOOD.reason)
      else void answer.then((one) => socket.send(JSON.stringify(one)))
    },
    onClose: () => leave?.(),
  }
}

function toReader(socket: OpenSocket, viewer: SignedIn | null): ChatReader {
  return {
    viewer,
    // A client of sockets knows the number from the list of messages.
    begin: () => {},
    send: (frame) => socket.send(frame.json()),
    isSlow: () => socket.waitingBytes > MAX_WAITING_BYTES,
    end(reason) {
      if (reason === 'slow') return socket.cut()
      if (reason === 'ended') socket.send(JSON.stringify({ type: 'end' }))
      socket.close(CLOSES[reason].code, CLOSES[reason].reason)
    },
  }
}

/** Returns the number after which a client continues; `null` where it wants what is new only. */
export function readFrom(c: HonoContext): number | null {
  const from = c.req.query('from')
  if (from === undefined) return null
  if (/^\d{1,9}$/.test(from)) return Number(from)
  throw invalidField('from', 'must be the seq of a message, or 0')
}

function noSockets(): BrokenRule {
  const message = 'this gateway holds no WebSockets; read this address as server-sent events, and POST …/messages'
  return new BrokenRule(LIVE_ERRORS.SOCKETS_UNAVAILABLE, message)
}
