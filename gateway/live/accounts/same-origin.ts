import type { Context } from 'hono'

/** Methods that change nothing (RFC 9110 §9.2.1). */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** Returns whether a request changes nothing. */
export function isSafe(c: Context): boolean {
  return SAFE_METHODS.includes(c.req.method)
}

/**
 * Returns whether a request changes nothing, or may come from a page of this gateway. Browsers send `Origin` or
 * `Sec-Fetch-Site` with every other request; programs, which hold no one else's cookie, send neither.
 */
export function isSafeOrSameOrigin(c: Context, publicUrl: string | null): boolean {
  if (isSafe(c)) return true
  const origin = c.req.header('origin')
  if (origin !== undefined) return isOwnOrigin(origin, c.req.header('host'), publicUrl)
  const site = c.req.header('sec-fetch-site')
  return site === undefined || site === 'same-origin' || site === 'none'
}

/** Returns whether a request comes from a page of this gateway, or from no page at all. */
export function hasOwnOriginOrNone(c: Context, publicUrl: string | null): boolean {
  const origin = c.req.header('origin')
  return origin === undefined || isOwnOrigin(origin, c.req.header('host'), publicUrl)
}

function isOwnOrigin(origin: string, host: string | undefined, publicUrl: string | null): boolean {
  if (!URL.canParse(origin)) return false
  const given = new URL(origin)
  return given.host === host || (publicUrl !== null && given.origin === new URL(publicUrl).origin)
}
