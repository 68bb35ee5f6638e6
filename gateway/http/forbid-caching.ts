import type { MiddlewareHandler } from 'hono'

/**
 * Sets `Cache-Control: no-store` on answers of the API, redirects and errors that have no such header. A cache in front of the
 * gateway could store them otherwise, and send the answer for one user to another.
 */
export const forbidCaching: MiddlewareHandler = async (c, next) => {
  await next()
  const { status, headers } = c.res
  const isSuccess = status < 300 || status === 304
  if (isSuccess && !c.req.path.startsWith('/api/')) return
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}
