import { Hono, type Context as HonoContext } from 'hono'

import { newUuid } from '../../../shared/ids.ts'
import { KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { readSession, requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import type { Chat } from './chat.ts'
import { connectSocket } from './connect-socket.ts'
import { ChatMessage, ChatMessageList, ReplayedMessages } from './present.ts'
import { listMessages, replayMessages } from './read-messages.ts'
import { MessageListQuery, PostMessageBody, ReplayQuery } from './requests.ts'
import { streamChat } from './stream-chat.ts'

const TAG = 'Chat'
const READER_ERRORS = [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.STREAM_NOT_FOUND]

const DOCS = {
  connect: describe(
    TAG,
    'The chat of a broadcast by WebSocket; without an upgrade, as server-sent events',
    {
      ...answers(101, null, 'A frame has one entry of the chat, or an array of them. `from` continues after a `seq`.'),
      errors: [...READER_ERRORS, KERNEL_ERRORS.FORBIDDEN, LIVE_ERRORS.STREAM_ENDED, LIVE_ERRORS.SOCKETS_UNAVAILABLE],
    },
    'none',
  ),
  events: describe(
    TAG,
    'The chat of a broadcast as server-sent events',
    {
      ...answers(200, null, 'Events `message` with one entry or an array of them, whose id is the newest `seq`.'),
      errors: READER_ERRORS,
    },
    'none',
  ),
  post: describe(
    TAG,
    'Write a message',
    {
      ...answers(201, ChatMessage, 'The message. One with a nonce that was sent before is that message.'),
      errors: [
        ...READER_ERRORS,
        LIVE_ERRORS.STREAM_ENDED,
        LIVE_ERRORS.CHAT_BANNED,
        LIVE_ERRORS.FOLLOWERS_ONLY,
        LIVE_ERRORS.WORD_BLOCKED,
        LIVE_ERRORS.CHAT_LIMITED,
        KERNEL_ERRORS.GATEWAY_BUSY,
      ],
    },
    'session',
  ),
  list: describe(
    TAG,
    'The messages of the last five minutes',
    { ...answers(200, ChatMessageList, 'The newest ones, oldest first.'), errors: READER_ERRORS },
    'none',
  ),
  replay: describe(
    TAG,
    'The messages that were written during a recording',
    {
      ...answers(200, ReplayedMessages, 'Those from `from` on, with their seconds in the recording.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.ARCHIVE_NOT_FOUND],
    },
    'none',
  ),
} as const

/** Returns the API of chats. */
export function chatRoutes(context: LiveContext, chat: Chat): Hono {
  const visitOf = async (c: HonoContext) => ({ viewer: await readSession(context, c), id: c.req.param('id') ?? '' })
  return new Hono()
    .get('/streams/:id/chat', DOCS.connect, async (c) => {
      return wantsSocket(c) ? connectSocket(chat, c, await visitOf(c)) : streamChat(chat, c, await visitOf(c))
    })
    .get('/streams/:id/chat/events', DOCS.events, async (c) => streamChat(chat, c, await visitOf(c)))
    .post('/streams/:id/messages', DOCS.post, requireJson, parse('json', PostMessageBody), async (c) => {
      const { user } = await requireSession(context, c)
      const { text, nonce = newUuid() } = c.req.valid('json')
      return c.json(await chat.writer.post(c.req.param('id'), { userId: user.userId, text, nonce }), 201)
    })
    .get('/streams/:id/messages', DOCS.list, parse('query', MessageListQuery), async (c) =>
      c.json(await listMessages(context, await readSession(context, c), c.req.param('id'), c.req.valid('query'))),
    )
    .get('/archives/:id/messages', DOCS.replay, parse('query', ReplayQuery), async (c) =>
      c.json(await replayMessages(context, await readSession(context, c), c.req.param('id'), c.req.valid('query'))),
    )
}

/**
 * Returns whether a request is an upgrade. A proxy that knows no WebSockets passes `Upgrade` on without `Connection`, and
 * then it is none (RFC 9110 §7.8).
 */
function wantsSocket(c: HonoContext): boolean {
  const options =
    c.req
      .header('connection')
      ?.toLowerCase()
      .split(/\s*,\s*/) ?? []
  return options.includes('upgrade') && c.req.header('upgrade')?.toLowerCase() === 'websocket'
}
