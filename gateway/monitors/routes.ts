import { Hono, type Context as HonoContext } from 'hono'

import { MONITOR_ID } from '../../shared/contract/monitors.ts'
import { EVENT_ID } from '../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { readIdempotentCall } from '../http/idempotency.ts'
import { parse, requireJson } from '../http/json-body.ts'
import { answers, describe } from '../http/openapi.ts'
import { traceOf } from '../http/request-log.ts'
import { createMonitor } from './create-monitor.ts'
import { getMonitor } from './get-monitor.ts'
import { listMonitorEvents } from './list-events.ts'
import { listMonitors } from './list-monitors.ts'
import { CreatedMonitor, EventList, MonitorList, PublicMonitor, StoppedMonitor } from './present.ts'
import { redeliverEvent } from './redeliver-event.ts'
import { codeOfCreation, createMonitorBody, ListEventsQuery, ListMonitorsQuery } from './requests.ts'
import { stopMonitor } from './stop-monitor.ts'
import { MONITOR_ERRORS } from './errors.ts'
import type { MonitorsContext } from './context.ts'

const TAG = 'Monitors'

const DOCS = {
  create: describe(TAG, 'Watch a live stream', {
    ...answers(201, CreatedMonitor, 'The monitor has its place; its worker is being launched.'),
    errors: [
      KERNEL_ERRORS.INVALID_URL,
      KERNEL_ERRORS.INVALID_CONFIG,
      MONITOR_ERRORS.DUPLICATE_MONITOR,
      KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED,
      MONITOR_ERRORS.MAX_MONITORS_EXCEEDED,
    ],
    isIdempotent: true,
  }),
  list: describe(TAG, 'List monitors, newest first', {
    ...answers(200, MonitorList, 'By offset with a total, or by cursor.'),
    errors: [KERNEL_ERRORS.INVALID_CONFIG],
  }),
  get: describe(TAG, 'One monitor as it stands', {
    ...answers(200, PublicMonitor, 'The monitor.'),
    errors: [MONITOR_ERRORS.MONITOR_NOT_FOUND],
  }),
  stop: describe(TAG, 'Stop a monitor for good', {
    ...answers(200, StoppedMonitor, 'It has ended; repeated, the answer is the same.'),
    errors: [MONITOR_ERRORS.MONITOR_NOT_FOUND],
  }),
  events: describe(TAG, 'The events of a monitor and their delivery, newest first', {
    ...answers(200, EventList, 'A page of events.'),
    errors: [KERNEL_ERRORS.INVALID_CONFIG, MONITOR_ERRORS.MONITOR_NOT_FOUND],
  }),
  redeliver: describe(TAG, 'Try the delivery of an event again, with the same event id', {
    ...answers(202, null, 'It is due again.'),
    errors: [MONITOR_ERRORS.MONITOR_NOT_FOUND, MONITOR_ERRORS.EVENT_NOT_FOUND],
  }),
} as const

/** Returns the public API of monitors. */
export function monitorRoutes(context: MonitorsContext): Hono {
  const Body = createMonitorBody(context.settings)
  return new Hono()
    .post('/monitors', DOCS.create, requireJson, parse('json', Body, codeOfCreation), async (c) => {
      const call = await readIdempotentCall(c, 'POST /api/v1/monitors')
      const answer = await createMonitor(context, c.req.valid('json'), call, traceOf(c))
      return c.body(answer.body, answer.status, { 'Content-Type': 'application/json' })
    })
    .get('/monitors', DOCS.list, parse('query', ListMonitorsQuery), async (c) =>
      c.json(await listMonitors(context, c.req.valid('query'))),
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

/** Returns the id in the path; a malformed id names no monitor and is never queried. */
function monitorId(c: HonoContext): string {
  const id = c.req.param('id') ?? ''
  if (!MONITOR_ID.test(id)) throw new BrokenRule(MONITOR_ERRORS.MONITOR_NOT_FOUND, 'there is no monitor of this id')
  return id
}

function eventId(c: HonoContext): string {
  const id = c.req.param('event_id') ?? ''
  if (!EVENT_ID.test(id)) throw new BrokenRule(MONITOR_ERRORS.EVENT_NOT_FOUND, 'this monitor has no event of this id')
  return id
}
