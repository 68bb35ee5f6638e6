import { Hono } from 'hono'
import { except } from 'hono/combine'
import { HTTPException } from 'hono/http-exception'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { timeout } from 'hono/timeout'

import type { Context } from './context.ts'
import { requireApiKey } from './http/api-key.ts'
import { limitBody } from './http/body-limit.ts'
import { docsRoutes } from './http/docs.ts'
import { respondNotFound, respondToErrors } from './http/error-response.ts'
import { healthRoutes, type Readiness } from './http/health.ts'
import { createCallCounters, limitRate, type CallCounters } from './http/rate-limit.ts'
import { operatorRoutes } from './http/operator.ts'
import { followRequests } from './http/request-log.ts'
import { MEDIA_PATH, mediaRoutes } from './media/routes.ts'
import { metricsRoutes } from './metrics/routes.ts'
import type { Rounds } from './rounds.ts'
import type { System } from './system.ts'
import { workerStatusRoutes } from './workers/status/routes.ts'

/** Which of the two doors an app is: workers' callbacks may have a port of their own. */
export type Doors = { readonly publicRoutes: boolean; readonly internalRoutes: boolean }

/** What an app is made of beside the context. */
export type AppParts = {
  readonly systems: readonly System[]
  readonly readiness: Readiness
  readonly rounds: Rounds
  /** Those of an entry that makes an app for each request; left out, the app has its own. */
  readonly callCounters?: CallCounters
}

/** A request waits for the database and nothing else: one that takes so long will not be answered. */
const LONGEST_REQUEST_MS = 9000
/** These wait for the cluster too, each with a bound of its own. */
const OPERATOR_PATHS = ['/internal/v1/tick', '/internal/v1/reconcile']
const TOO_SLOW = new HTTPException(503, { message: 'the database did not answer in time' })

/** The whole HTTP side of a gateway, on any fetch runtime: its systems mounted, one place that turns errors to answers. */
export function createApp(context: Context, parts: AppParts, doors: Doors): Hono {
  const { systems, readiness, rounds } = parts
  const app = new Hono()
  app.onError(respondToErrors(context.log, context.isDatabaseGone))
  app.notFound(respondNotFound)
  app.use(requestId(), followRequests(context), except(`${MEDIA_PATH}*`, secureHeaders()))
  app.use(except(OPERATOR_PATHS, timeout(LONGEST_REQUEST_MS, TOO_SLOW)))
  app.use(...limitBody)
  app.route('/', healthRoutes(readiness))
  if (doors.internalRoutes) {
    mountInternal(app, context, systems)
    app.route('/internal/v1', operatorRoutes(rounds, context.settings.keys.INTERNAL_API_KEY))
  }
  if (doors.publicRoutes) mountPublic(app, context, parts)
  return app
}

function mountInternal(app: Hono, context: Context, systems: readonly System[]): void {
  app.route('/', metricsRoutes(context, systems))
  for (const system of systems) app.route('/internal/v1', system.callbacks(context))
}

function mountPublic(app: Hono, context: Context, parts: AppParts): void {
  const { systems, callCounters = createCallCounters(context.settings) } = parts
  const key = context.settings.keys.API_KEY
  app.use('/api/*', limitRate(callCounters, key, context.clientAddress), requireApiKey(key))
  for (const system of systems) app.route('/api/v1', system.api(context))
  app.route('/api/v1', workerStatusRoutes(context, systems))
  app.route('/', mediaRoutes(context))
  app.route('/', docsRoutes(app, context.settings.publicUrl))
}
