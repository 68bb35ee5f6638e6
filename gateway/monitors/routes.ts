import { Hono, type Context as HonoContext } from 'hono'

import { EVENT_ID, MONITOR_ID } from '../../shared/ids.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { idempotentCall } from '../http/idempotency.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { answers, describe } from '../http/openapi.ts'
import { traceOf } from '../http/request-log.ts'
import { createMonitor } from './create-monitor.ts'
import { getMonitor } from './get-monitor.ts'
import { listMonitorEvents } from './list-events.ts'
import { listAllMonitors } from './list-monitors.ts'
import { CreatedMonitor, EventList, MonitorList, PublicMonitor, StoppedMonitor } from './present.ts'
import { redeliverEvent } from './redeliver-event.ts'
import { codeOfCreation, createMonitorBody, ListEventsQuery, ListMonitorsQuery } from './requests.ts'
import { stopMonitor } from './stop-monitor.ts'

const TAG = 'Monitors'

const DOCS = {
  create: describe(TAG, 'Watch a live stream', {
    ...answers(201, CreatedMonitor, 'The monitor has its place; its worker is being launched.'),
    errors: ['INVALID_URL', 'INVALID_CONFIG', 'DUPLICATE_MONITOR', 'IDEMPOTENCY_KEY_REUSED', 'MAX_MONITORS_EXCEEDED'],
  }),
  list: describe(TAG, 'List monitors, newest first', {
    ...answers(200, MonitorList, 'By offset with a total, or by cursor.'),
    errors: ['INVALID_CONFIG'],
  }),
  get: describe(TAG, 'One monitor as it stands', {
    ...answers(200, PublicMonitor, 'The monitor.'),
    errors: ['MONITOR_NOT_FOUND'],
  }),
  stop: describe(TAG, 'Stop a monitor for good', {
    ...answers(200, StoppedMonitor, 'It has ended; repeated, the answer is the same.'),
    errors: ['MONITOR_NOT_FOUND'],
  }),
  events: describe(TAG, 'The events of a monitor and their delivery, newest first', {
    ...answers(200, EventList, 'A page of events.'),
    errors: ['INVALID_CONFIG', 'MONITOR_NOT_FOUND'],
  }),
  redeliver: describe(TAG, 'Try the delivery of an event again, with the same event id', {
    ...answers(202, null, 'It is due again.'),
    errors: ['MONITOR_NOT_FOUND', 'EVENT_NOT_FOUND'],
  }),
} as const

/** The public API of monitors. */
export function monitorRoutes(context: Context): Hono {
  const Body = createMonitorBody(context.settings)
  return new Hono()
    .post('/monitors', DOCS.create, requireJson, parse('json', Body, codeOfCreation), async (c) => {
      const call = await idempotentCall(c, 'POST /api/v1/monitors')
      const answer = await createMonitor(context, c.req.valid('json'), call, traceOf(c))
      return c.body(answer.body, answer.status, { 'Content-Type': 'application/json' })
    })
    .get('/monitors', DOCS.list, parse('query', ListMonitorsQuery), async (c) =>
      c.json(await listAllMonitors(context, c.req.valid('query'))),
    )
    .get('/monitors/:id', DOCS.get, async (c) => c.json(await getMonitor(context, monitorId(c))))
    .delete('/monitors/:id', DOCS.stop, async (c) => c.json(await stopMonitor(context, monitorId(c))))
    .get('/monitors/:id/events', DOCS.events, parse('query', ListEventsQuery), async (c) =>
      c.json(await listMonitorEvents(context, monitorId(c), c.req.valid('query'))),
    )
    .post('/monitors/:id/events/:event_id/redeliver', DOCS.redeliver, async (c) => {
      await redeliverEvent(context, monitorId(c), eventId(c))
      return c.json({ event_id: c.req.param('event_id'), status: 'pending' }, 202)
    })
}

/** What is no id at all names nothing, and never reaches a query. */
function monitorId(c: HonoContext): string {
  const id = c.req.param('id') ?? ''
  if (!MONITOR_ID.test(id)) throw new BrokenRule('MONITOR_NOT_FOUND', 'there is no monitor of this id')
  return id
}

function eventId(c: HonoContext): string {
  const id = c.req.param('event_id') ?? ''
  if (!EVENT_ID.test(id)) throw new BrokenRule('EVENT_NOT_FOUND', 'this monitor has no event of this id')
  return id
}
