import type { Context as HonoContext, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'

import type { LogFields } from '../../shared/log.ts'
import { parseTraceparent, startSpan, type Trace } from '../../shared/trace.ts'
import type { Context } from '../context.ts'
import type { Span } from '../ports/tracer.ts'
import { HTTP_REQUEST_DURATION, HTTP_REQUESTS } from './metrics.ts'

type RequestObservers = Pick<Context, 'log' | 'idFields' | 'metrics' | 'tracer'>

/** Probes and scrapes come every few seconds and belong to no trace. */
const UNTRACED = new Set(['/healthz', '/health', '/readyz', '/metrics'])

const TRACE = 'trace'
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * Observes each request to its end: a span in the trace that it carries or in a new one, a log line with the result, and
 * the metrics of its route. The line is at debug level, at info where the request changed something or failed.
 */
export function observeRequests({ log, idFields, metrics, tracer }: RequestObservers): MiddlewareHandler {
  return async (c, next) => {
    const startedMs = performance.now()
    const route = routeOf(c)
    const parent = parseTraceparent(c.req.header('traceparent'))
    const run = async (span: Span) => {
      c.set(TRACE, span.trace)
      await next()
      noteAnswer(span, c, route)
      return span.trace
    }
    const trace = UNTRACED.has(route)
      ? await run(untracedSpan(parent))
      : await tracer.span({ name: `${c.req.method} ${route}`, kind: 'server', parent }, run)
    const ms = performance.now() - startedMs
    const method = METHODS.has(c.req.method) ? c.req.method : 'other'
    metrics.count(HTTP_REQUESTS, { method, route, status: `${Math.floor(c.res.status / 100)}xx` })
    metrics.observe(HTTP_REQUEST_DURATION, { method, route }, ms / 1000)
    const { path } = c.req
    const isRoutine = c.res.status < 400 && (c.req.method === 'GET' || path.startsWith('/internal/'))
    log[isRoutine ? 'debug' : 'info']('request', {
      request_id: c.get('requestId'),
      trace_id: trace.traceId,
      ...subjectFields(path, idFields),
      method: c.req.method,
      path,
      status: c.res.status,
      ms: Math.round(ms),
    })
  }
}

function untracedSpan(parent: Trace | null): Span {
  return { trace: startSpan(parent), note() {}, fail() {} }
}

/** Returns the id in a path as a log field, so that a search for a monitor finds its requests too. */
function subjectFields(path: string, idFields: (id: string) => LogFields): LogFields {
  const [, id] = /\/([a-z]+-[0-9a-f-]{36})(?:\/|$)/.exec(path) ?? []
  return id === undefined ? {} : idFields(id)
}

/** Returns the trace of the current request, to propagate to what it causes. */
export function traceOf(c: HonoContext): Trace {
  return c.get(TRACE)
}

/** Returns the pattern of the route that answers; middleware is registered for all methods and is none. */
function routeOf(c: HonoContext): string {
  return matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? 'unmatched'
}

function noteAnswer(span: Span, c: HonoContext, route: string): void {
  if (c.res.status >= 500) span.fail(`answered ${c.res.status}`)
  span.note({ 'http.request.method': c.req.method, 'http.route': route, 'http.response.status_code': c.res.status })
}
