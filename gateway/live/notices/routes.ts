import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { requireSession } from '../accounts/session.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { NoticePreferences } from '../present-preferences.ts'
import { NoticeList } from './present.ts'
import {
  listNotices,
  readAllNotices,
  readNotice,
  readNoticePreferences,
  updateNoticePreferences,
} from './read-notices.ts'
import { NoticeListQuery, NoticePreferencesBody } from './requests.ts'
import { streamNotices, type NoticeSources } from './stream-notices.ts'

const TAG = 'Notices'
const DONE = 'It is done; repeated, the answer is the same.'

const DOCS = {
  list: describe(
    TAG,
    'The notices of the user, newest first',
    {
      ...answers(200, NoticeList, 'A page of them, and how many are not read.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG],
    },
    'session',
  ),
  stream: describe(
    TAG,
    'New notices, and how many are not read, as server-sent events',
    { ...answers(200, null, 'Events `notice` and `unread`, up to the end of the session.'), errors: [] },
    'session',
  ),
  read: describe(
    TAG,
    'Mark a notice as read',
    { ...answers(204, null, DONE), errors: [LIVE_ERRORS.NOTIFICATION_NOT_FOUND] },
    'session',
  ),
  readAll: describe(TAG, 'Mark all notices as read', { ...answers(204, null, DONE), errors: [] }, 'session'),
  preferences: describe(
    TAG,
    'Which kinds of notices the user wants',
    { ...answers(200, NoticePreferences, 'The kinds.'), errors: [] },
    'session',
  ),
  updatePreferences: describe(
    TAG,
    'Choose the kinds of notices',
    { ...answers(200, NoticePreferences, 'The kinds.'), errors: [KERNEL_ERRORS.INVALID_CONFIG] },
    'session',
  ),
} as const

/** Returns the API of notices. */
export function noticeRoutes(sources: NoticeSources): Hono {
  const { context } = sources
  return new Hono()
    .get('/notifications', DOCS.list, parse('query', NoticeListQuery), async (c) =>
      c.json(await listNotices(context, await requireSession(context, c), c.req.valid('query'))),
    )
    .get('/notifications/stream', DOCS.stream, async (c) => streamNotices(sources, c, await requireSession(context, c)))
    .get('/notifications/preferences', DOCS.preferences, async (c) =>
      c.json(await readNoticePreferences(context, await requireSession(context, c))),
    )
    .put(
      '/notifications/preferences',
      DOCS.updatePreferences,
      requireJson,
      parse('json', NoticePreferencesBody),
      async (c) =>
        c.json(await updateNoticePreferences(context, await requireSession(context, c), c.req.valid('json'))),
    )
    .put('/notifications/read', DOCS.readAll, async (c) => {
      await readAllNotices(context, await requireSession(context, c))
      return c.body(null, 204)
    })
    .put('/notifications/:id/read', DOCS.read, async (c) => {
      await readNotice(context, await requireSession(context, c), c.req.param('id'))
      return c.body(null, 204)
    })
}
