import type { Context as HonoContext } from 'hono'

/** A path of this site, such as `watch/ID`, with its query: no host and no way up, so that no other site is meant. */
const OWN_PATH = /^@?[\w-]+(?:\/[\w-]+)*(?:\?[\w%+.~*&=-]+)?$/
/** More than any page needs. */
const MAX_LENGTH = 4000

/** Returns where to go after signing in, relative to the root of the site; the start page where it is no such path. */
export function returnPathOf(text: unknown): string {
  return typeof text === 'string' && text.length <= MAX_LENGTH && OWN_PATH.test(text) ? text : '.'
}

/** Returns the parameters of an address that keeps where to go after signing in. */
export function nextQuery(next: string): Readonly<Record<string, string>> {
  return next === '.' ? {} : { next }
}

/** Returns parameters as the end of an address; nothing where there are none. */
export function toSearch(query: Readonly<Record<string, string>>): string {
  return Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query).toString()}`
}

/** Returns the way from a page to the one on which its reader signs in, and from there back. */
export function signInPathOf({ req }: HonoContext): string {
  const path = req.path.slice(1)
  const up = '../'.repeat(path.split('/').length - 1)
  return `${up}sign-in${toSearch(nextQuery(returnPathOf(path)))}`
}

/** Leads to the page on which one signs in, and from there back. */
export function leadToSignIn(c: HonoContext): Response {
  return c.redirect(signInPathOf(c), 303)
}
