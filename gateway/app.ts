import { Hono, type Context as HonoContext } from 'hono'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'

import type { Context } from './context.ts'
import { apiKeyAuthentication, requireAuthentication, type Authentication } from './http/authentication.ts'
import { limitBody } from './http/body-limit.ts'
import { limitDuration } from './http/deadline.ts'
import { respondNotFound, respondToErrors } from './http/error-response.ts'
import { exceptPaths } from './http/except-paths.ts'
import { forbidCaching } from './http/forbid-caching.ts'
import { createCallCounters, limitRate, type CallCounters } from './http/rate-limit.ts'
import { observeRequests } from './http/request-log.ts'
import { MEDIA_PATH } from './media/routes.ts'
import { healthRoutes, type Readiness } from './operations/health.ts'
import { metricsRoutes } from './operations/metrics-routes.ts'
import type { Operations } from './operations/operations.ts'
import { operatorRoutes } from './operations/operator-routes.ts'
import { workerStatusRoutes } from './operations/worker-status/routes.ts'
import type { MountedSystem } from './system.ts'
import { docsRoutes } from './web/api-docs.ts'
import { assetRoutes } from './web/assets.ts'
import type { LoadGuide } from './web/guides/load-guide.ts'
import { guideRoutes } from './web/guides/routes.ts'

/** Which routes a listener serves: workers' callbacks may have a port of their own. */
export type ListenerRoutes = { readonly publicRoutes: boolean; readonly internalRoutes: boolean }

/** What an app is made of beside the context. */
export type AppParts = {
  readonly systems: readonly MountedSystem[]
  readonly readiness: Readiness
  readonly operations: Operations
  /** The counters of an entry that creates an app for each request; without them, the app has its own. */
  readonly callCounters?: CallCounters
  /** Loads the guides; left out by entries without files. */
  readonly loadGuide?: LoadGuide
}

/** Browsers send `Origin: null` with forms of pages that send no referrer at all, which then look like another site's. */
const HEADERS = { referrerPolicy: 'same-origin' } as const
/** A request waits for the database only: one that takes longer, in ms, gets no answer any more. */
const LONGEST_REQUEST_MS = 9000
/** These wait for the cluster too, each with a bound of its own. */
const OPERATOR_PATHS = ['/internal/v1/tick', '/internal/v1/reconcile']

/** Returns the HTTP side of a gateway, for any fetch runtime, with its systems mounted. */
export function createApp(context: Context, parts: AppParts, routes: ListenerRoutes): Hono {
  const app = new Hono()
  app.onError(respondToErrors(context.log, context.isDatabaseGone))
  app.notFound(respondNotFound)
  const mediaPaths = [MEDIA_PATH, ...parts.systems.flatMap((system) => system.mediaPaths ?? [])]
  app.use(requestId(), observeRequests(context), exceptPaths(mediaPaths, secureHeaders(HEADERS)))
  app.use(forbidCaching)
  app.use(exceptPaths(OPERATOR_PATHS, limitDuration(LONGEST_REQUEST_MS)))
  app.use(
    ...limitBody(routes.internalRoutes ? parts.systems.flatMap(({ callbackBodies }) => callbackBodies ?? []) : []),
  )
  app.route(
    '/',
    healthRoutes(parts.readiness, () => Object.assign({}, ...parts.systems.map((system) => system.facts?.() ?? {}))),
  )
  // Anyone may reach a public listener. A loopback address and the internal port are for operators.
  if (routes.publicRoutes && routes.internalRoutes && !isLoopback(context.settings.host)) {
    const { API_KEY } = context.settings.keys
    app.use(
      '/metrics',
      requireAuthentication(() => apiKeyAuthentication(API_KEY)),
    )
  }
  if (routes.internalRoutes) mountInternal(app, context, parts)
  if (routes.publicRoutes) mountPublic(app, context, parts)
  return app
}

/** Reports whether an address is reached from this machine only (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

function mountInternal(app: Hono, context: Context, { systems, operations }: AppParts): void {
  app.route('/', metricsRoutes(context, systems))
  for (const { callbacks } of systems) app.route('/internal/v1', callbacks)
  app.route('/internal/v1', operatorRoutes(operations, context.settings.keys.INTERNAL_API_KEY))
}

function mountPublic(app: Hono, context: Context, parts: AppParts): void {
  const { systems, callCounters = createCallCounters(context.settings) } = parts
  const authenticationOf = selectAuthentication(systems, apiKeyAuthentication(context.settings.keys.API_KEY))
  // Before the keyed routes: public paths below /api need no key.
  for (const { publicRoutes } of systems) if (publicRoutes !== undefined) app.route('/', publicRoutes)
  app.use(
    '/api/*',
    limitRate(callCounters, authenticationOf, context.clientAddress),
    requireAuthentication(authenticationOf),
  )
  for (const { api } of systems) app.route('/api/v1', api.routes)
  app.route('/api/v1', workerStatusRoutes(context, systems))
  if (context.loadPageAssets !== null) app.route('/', assetRoutes(context.loadPageAssets))
  for (const { pages } of systems) if (pages !== undefined) app.route('/', pages)
  app.route('/', docsRoutes(app, context.settings.publicUrl))
  app.route('/', guideRoutes(parts.loadGuide ?? null, context.loadPageAssets))
}

/** Returns a function that finds the authentication of a path below `/api`: its system's, or `other`. */
function selectAuthentication(
  systems: readonly MountedSystem[],
  other: Authentication,
): (c: HonoContext) => Authentication {
  const byPath = new Map(systems.flatMap(({ api }) => api.paths.map((path) => [path, api.authentication] as const)))
  return (c) => {
    const [, path = ''] = /^\/api\/v1\/([^/]*)/.exec(c.req.path) ?? []
    return byPath.get(path) ?? other
  }
}
