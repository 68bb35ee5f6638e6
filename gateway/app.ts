import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { timeout } from 'hono/timeout'

import type { Context } from './context.ts'
import { requireApiKey } from './http/api-key.ts'
import { docsRoutes } from './http/docs.ts'
import { respondNotFound, respondToErrors } from './http/error-response.ts'
import { healthRoutes, type Readiness } from './http/health.ts'
import { limitBody } from './http/json-body.ts'
import { limitRate } from './http/rate-limit.ts'
import { logRequests } from './http/request-log.ts'
import type { System } from './system.ts'

/** Which of the two doors an app is: workers' callbacks may have a port of their own. */
export type Doors = { readonly publicRoutes: boolean; readonly internalRoutes: boolean }

/** A request waits for the database and nothing else: one that takes so long will not be answered. */
const LONGEST_REQUEST_MS = 9000
const TOO_SLOW = new HTTPException(503, { message: 'the database did not answer in time' })

/** The whole HTTP side of a gateway, on any fetch runtime: its systems mounted, one place that turns errors to answers. */
export function createApp(context: Context, systems: readonly System[], readiness: Readiness, doors: Doors): Hono {
  const app = new Hono()
  app.onError(respondToErrors(context.log, context.isDatabaseGone))
  app.notFound(respondNotFound)
  app.use(requestId(), logRequests(context.log), secureHeaders(), limitBody(), timeout(LONGEST_REQUEST_MS, TOO_SLOW))
  app.route('/', healthRoutes(readiness))
  if (doors.internalRoutes) mountInternal(app, context, systems)
  if (doors.publicRoutes) mountPublic(app, context, systems)
  return app
}

function mountInternal(app: Hono, context: Context, systems: readonly System[]): void {
  for (const system of systems) app.route('/internal/v1', system.callbacks(context))
}

function mountPublic(app: Hono, context: Context, systems: readonly System[]): void {
  const { settings } = context
  const key = settings.keys.API_KEY
  app.use('/api/*', limitRate(settings, key, context.clientAddress), requireApiKey(key))
  for (const system of systems) app.route('/api/v1', system.api(context))
  app.route('/', docsRoutes(app))
}
