import type { Context as HonoContext, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'

import { idField, type LogFields } from '../../shared/log.ts'
import { readTraceparent, type Trace } from '../../shared/trace.ts'
import type { Context } from '../context.ts'
import { NO_TRACER, type Span } from '../metrics/tracer.ts'

type Followed = Pick<Context, 'log' | 'metrics' | 'tracer'>

/** Probes and scrapes come every few seconds for ever, and belong to nobody's trace. */
const UNTRACED = new Set(['/healthz', '/health', '/readyz', '/metrics'])

/**
 * Follows each request to its end: a span of the trace that it carries, or of one that begins here, a log line with how
 * it ended, and the figures by its route. The line is at debug level, and at info where it changed something or failed.
 */
export function followRequests({ log, metrics, tracer }: Followed): MiddlewareHandler {
  return async (c, next) => {
    const startedMs = performance.now()
    const route = routeOf(c)
    const follow = UNTRACED.has(route) ? NO_TRACER : tracer
    const parent = readTraceparent(c.req.header('traceparent'))
    const trace = await follow.span({ name: `${c.req.method} ${route}`, kind: 'server', parent }, async (span) => {
      c.set(TRACE, span.trace)
      await next()
      noteAnswer(span, c, route)
      return span.trace
    })
    const ms = performance.now() - startedMs
    const method = METHODS.has(c.req.method) ? c.req.method : 'other'
    metrics.count('tallylight_http_requests_total', { method, route, status: `${Math.floor(c.res.status / 100)}xx` })
    metrics.observe('tallylight_http_request_duration_seconds', { method, route }, ms / 1000)
    const { path } = c.req
    const quiet = c.res.status < 400 && (c.req.method === 'GET' || path.startsWith('/internal/'))
    log[quiet ? 'debug' : 'info']('request', {
      request_id: c.get('requestId'),
      trace_id: trace.traceId,
      ...aboutOf(path),
      method: c.req.method,
      path,
      status: c.res.status,
      ms: Math.round(ms),
    })
  }
}

/** What a path is about, in a field of its own: whoever looks for a monitor finds the requests too. */
function aboutOf(path: string): LogFields {
  const [, id] = /\/([a-z]+-[0-9a-f-]{36})(?:\/|$)/.exec(path) ?? []
  return id === undefined ? {} : idField(id)
}

const TRACE = 'trace'
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The trace of the request at hand, for what it causes. */
export function traceOf(c: HonoContext): Trace {
  return c.get(TRACE)
}

/** The pattern of the route that answers; middleware stands under all methods, and is none. */
function routeOf(c: HonoContext): string {
  return matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? 'unmatched'
}

function noteAnswer(span: Span, c: HonoContext, route: string): void {
  if (c.res.status >= 500) span.fail(`answered ${c.res.status}`)
  span.note({ 'http.request.method': c.req.method, 'http.route': route, 'http.response.status_code': c.res.status })
}
