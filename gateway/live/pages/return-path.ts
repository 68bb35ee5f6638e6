import type { Context as HonoContext } from 'hono'

/** A path of this site, such as `watch/ID`: no host and no way up, so that no other site is meant. */
const OWN_PATH = /^@?[\w-]+(?:\/[\w-]+)*$/

/** Returns where to go after signing in, relative to the root of the site; the start page where it is no such path. */
export function returnPathOf(text: unknown): string {
  return typeof text === 'string' && OWN_PATH.test(text) ? text : '.'
}

/** Leads to the page on which one signs in, and from there back. */
export function leadToSignIn(c: HonoContext): Response {
  return c.redirect(signInPathOf(c), 303)
}

/** Returns the way from a page to the one on which one signs in, and from there back. */
export function signInPathOf(c: HonoContext): string {
  const path = c.req.path.slice(1)
  const up = '../'.repeat(path.split('/').length - 1)
  const next = OWN_PATH.test(path) ? `?next=${encodeURIComponent(path)}` : ''
  return `${up}sign-in${next}`
}
