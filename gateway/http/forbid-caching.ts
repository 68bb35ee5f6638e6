import type { MiddlewareHandler } from 'hono'

/**
 * Forbids to store answers of the API, redirects and errors which say nothing of it themselves: a cache before the gateway
 * would keep them for its own time otherwise, and hand the answer for one user to another.
 */
export const forbidCaching: MiddlewareHandler = async (c, next) => {
  await next()
  const { status, headers } = c.res
  const isFinal = status < 300 || status === 304
  if (isFinal && !c.req.path.startsWith('/api/')) return
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}
