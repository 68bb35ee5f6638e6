import { Hono } from 'hono'

import { answers, describe } from '../../http/openapi.ts'
import { userIdOf } from '../accounts/path-user.ts'
import { readSession } from '../accounts/session.ts'
import { StreamList } from '../broadcasts/present.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { readCalendar, readSchedule } from './read-schedule.ts'

const TAG = 'Broadcasts'
const ERRORS = [LIVE_ERRORS.USER_NOT_FOUND]

const DOCS = {
  schedule: describe(
    TAG,
    'The planned broadcasts of a channel, the next one first',
    { ...answers(200, StreamList, 'All of them.'), errors: ERRORS },
    'none',
  ),
  calendar: describe(
    TAG,
    'The planned broadcasts of a channel as an iCalendar file',
    { ...answers(200, null, 'The calendar, to which programs subscribe.'), errors: ERRORS },
    'none',
  ),
} as const

/** Returns the API of schedules. */
export function scheduleRoutes(context: LiveContext): Hono {
  return new Hono()
    .get('/users/:id/schedule', DOCS.schedule, async (c) =>
      c.json(await readSchedule(context, await readSession(context, c), await userIdOf(context, c))),
    )
    .get('/users/:id/schedule.ics', DOCS.calendar, async (c) => {
      const siteUrl = context.settings.publicUrl ?? new URL(c.req.url).origin
      const ownerId = await userIdOf(context, c)
      const calendar = await readCalendar(context, await readSession(context, c), { ownerId, siteUrl })
      c.header('Content-Type', 'text/calendar; charset=utf-8')
      c.header('Content-Disposition', 'attachment; filename="schedule.ics"')
      c.header('Cache-Control', 'no-cache')
      return c.body(calendar)
    })
}
