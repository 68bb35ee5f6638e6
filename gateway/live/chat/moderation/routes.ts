import { Hono, type Context as HonoContext } from 'hono'

import { KERNEL_ERRORS } from '../../../errors.ts'
import { parse, requireJson } from '../../../http/json-body.ts'
import { answers, describe } from '../../../http/openapi.ts'
import { readSession, requireSession, type SignedIn } from '../../accounts/session.ts'
import { findOwnStream } from '../../broadcasts/find-own-stream.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { banUser, unbanUser } from './ban-user.ts'
import { blockUser, readBlocks, unblockUser } from './blocks.ts'
import { deleteMessage } from './delete-message.ts'
import { BanList, ReportList, RoomView, UserList } from './present.ts'
import { addModerator, readModerators, removeModerator } from './moderators.ts'
import { readBans, readReports, reportMessage } from './read-room.ts'
import { BanBody, BlockBody, ReportBody, UpdateRoomBody } from './requests.ts'
import { getRoom, updateRoom } from './update-room.ts'

const TAG = 'Chat'
const OF_STREAM = [LIVE_ERRORS.STREAM_NOT_FOUND]
const OF_MESSAGE = [...OF_STREAM, LIVE_ERRORS.MESSAGE_NOT_FOUND]
const OF_USER = [...OF_STREAM, LIVE_ERRORS.USER_NOT_FOUND]
const DONE = 'It is done.'

const DOCS = {
  room: describe(
    TAG,
    'The settings of a chat',
    { ...answers(200, RoomView, 'The settings, and what the viewer is in it.'), errors: OF_STREAM },
    'none',
  ),
  update: describe(
    TAG,
    'Slow mode, blocked words, and the pinned message',
    { ...answers(200, RoomView, 'The settings.'), errors: [KERNEL_ERRORS.INVALID_CONFIG, ...OF_MESSAGE] },
    'session',
  ),
  deleteMessage: describe(
    TAG,
    'Delete a message: the own one or, as owner or moderator, any',
    { ...answers(204, null, DONE), errors: OF_MESSAGE },
    'session',
  ),
  report: describe(
    TAG,
    'Report a message to the moderators',
    {
      ...answers(204, null, DONE),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, ...OF_MESSAGE, LIVE_ERRORS.REPORTS_LIMITED],
    },
    'session',
  ),
  reports: describe(
    TAG,
    'The reported messages',
    { ...answers(200, ReportList, 'The newest 200.'), errors: OF_STREAM },
    'session',
  ),
  bans: describe(
    TAG,
    'Who may not write in the chats of a channel',
    { ...answers(200, BanList, 'The newest 200.'), errors: OF_STREAM },
    'session',
  ),
  ban: describe(
    TAG,
    'Ban a user from the chats of a channel, or for a time',
    { ...answers(204, null, DONE), errors: [KERNEL_ERRORS.INVALID_CONFIG, ...OF_USER] },
    'session',
  ),
  unban: describe(
    TAG,
    'Let a user write again',
    { ...answers(204, null, DONE), errors: [...OF_USER, LIVE_ERRORS.BAN_NOT_FOUND] },
    'session',
  ),
  moderators: describe(
    TAG,
    'The moderators of the own channel',
    { ...answers(200, UserList, 'All of them.'), errors: OF_STREAM },
    'session',
  ),
  addModerator: describe(
    TAG,
    'Make a user a moderator of the own channel',
    { ...answers(204, null, DONE), errors: OF_USER },
    'session',
  ),
  removeModerator: describe(
    TAG,
    'Make a user a moderator no longer',
    { ...answers(204, null, DONE), errors: OF_USER },
    'session',
  ),
  blocks: describe(
    TAG,
    'Whose messages the user does not want to see',
    { ...answers(200, UserList, 'All of them.'), errors: [] },
    'session',
  ),
  block: describe(
    TAG,
    'Hide the messages of a user',
    {
      ...answers(200, UserList, 'All who are blocked.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.USER_NOT_FOUND],
    },
    'session',
  ),
  unblock: describe(
    TAG,
    'Show the messages of a user again',
    { ...answers(204, null, DONE), errors: [LIVE_ERRORS.USER_NOT_FOUND] },
    'session',
  ),
} as const

/** Returns the API by which chats are moderated. */
export function moderationRoutes(context: LiveContext): Hono {
  return new Hono().route('/', roomRoutes(context)).route('/', userRoutes(context)).route('/', blockRoutes(context))
}

/** Returns the routes of a chat's settings and messages. */
function roomRoutes(context: LiveContext): Hono {
  const routes = new Hono()
  for (const method of ['PUT', 'PATCH']) {
    routes.on(method, '/streams/:id/room', DOCS.update, requireJson, parse('json', UpdateRoomBody), async (c) =>
      c.json(await updateRoom(context, await requireSession(context, c), c.req.param('id'), c.req.valid('json'))),
    )
  }
  return routes
    .get('/streams/:id/room', DOCS.room, async (c) =>
      c.json(await getRoom(context, await readSession(context, c), c.req.param('id'))),
    )
    .delete('/streams/:id/messages/:message', DOCS.deleteMessage, async (c) => {
      await deleteMessage(context, await requireSession(context, c), c.req.param('id'), c.req.param('message'))
      return c.body(null, 204)
    })
    .post('/streams/:id/messages/:message/reports', DOCS.report, requireJson, parse('json', ReportBody), async (c) => {
      const message = { streamId: c.req.param('id'), messageId: c.req.param('message') }
      await reportMessage(context, await requireSession(context, c), message, c.req.valid('json'))
      return c.body(null, 204)
    })
    .get('/streams/:id/reports', DOCS.reports, async (c) =>
      c.json(await readReports(context, await requireSession(context, c), c.req.param('id'))),
    )
}

/** Returns the routes of those who may not write, and of those who moderate. */
function userRoutes(context: LiveContext): Hono {
  return new Hono()
    .get('/streams/:id/bans', DOCS.bans, async (c) =>
      c.json(await readBans(context, await requireSession(context, c), c.req.param('id'))),
    )
    .put('/streams/:id/bans/:user', DOCS.ban, requireJson, parse('json', BanBody), async (c) => {
      const target = { streamId: c.req.param('id'), user: c.req.param('user') }
      await banUser(context, await requireSession(context, c), target, c.req.valid('json'))
      return c.body(null, 204)
    })
    .delete('/streams/:id/bans/:user', DOCS.unban, async (c) => {
      await unbanUser(context, await requireSession(context, c), c.req.param('id'), c.req.param('user'))
      return c.body(null, 204)
    })
    .get('/streams/:id/moderators', DOCS.moderators, async (c) =>
      c.json(await readModerators(context, await requireOwner(context, c))),
    )
    .put('/streams/:id/moderators/:user', DOCS.addModerator, async (c) => {
      await addModerator(context, await requireOwner(context, c), c.req.param('user'))
      return c.body(null, 204)
    })
    .delete('/streams/:id/moderators/:user', DOCS.removeModerator, async (c) => {
      await removeModerator(context, await requireOwner(context, c), c.req.param('user'))
      return c.body(null, 204)
    })
}

/** Returns the signed-in user, who must own the broadcast of the path. @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN */
async function requireOwner(context: LiveContext, c: HonoContext): Promise<SignedIn> {
  const signedIn = await requireSession(context, c)
  await findOwnStream(context.db, signedIn, c.req.param('id') ?? '')
  return signedIn
}

/** Returns the routes of a user's blocks. */
function blockRoutes(context: LiveContext): Hono {
  return new Hono()
    .get('/blocks', DOCS.blocks, async (c) => c.json(await readBlocks(context, await requireSession(context, c))))
    .post('/blocks', DOCS.block, requireJson, parse('json', BlockBody), async (c) =>
      c.json(await blockUser(context, await requireSession(context, c), c.req.valid('json'))),
    )
    .delete('/blocks/:user', DOCS.unblock, async (c) => {
      await unblockUser(context, await requireSession(context, c), c.req.param('user'))
      return c.body(null, 204)
    })
}
