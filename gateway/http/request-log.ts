import type { MiddlewareHandler } from 'hono'

import type { Log } from '../../shared/log.ts'

/** Logs each request once, with how it ended: at debug level, and at info where it changed something or failed. */
export function logRequests(log: Log): MiddlewareHandler {
  return async (c, next) => {
    const startedMs = performance.now()
    await next()
    const { method, path } = c.req
    const quiet = c.res.status < 400 && (method === 'GET' || path.startsWith('/internal/'))
    log[quiet ? 'debug' : 'info']('request', {
      request_id: c.get('requestId'),
      method,
      path,
      status: c.res.status,
      ms: Math.round(performance.now() - startedMs),
    })
  }
}
