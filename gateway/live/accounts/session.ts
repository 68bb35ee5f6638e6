import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'

import { deriveSessionKey } from '../../../shared/net/signing.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { bearerToken, type Authentication } from '../../http/authentication.ts'
import type { LiveContext } from '../context.ts'
import { includesRole, type Role } from '../roles.ts'
import { hasOwnOriginOrNone, isSafeOrSameOrigin } from './same-origin.ts'
import { verifySessionToken } from './session-token.ts'
import { findSession } from './store/sessions.ts'
import type { User } from './store/users.ts'

/** The user of a request, the session that proves it, and the network address that it comes from. */
export type SignedIn = { readonly user: User; readonly sessionId: string; readonly address: string }

const COOKIE = 'tallylight_session'
/** The key under which a request keeps its session, once it is looked up. */
const SIGNED_IN = 'signedIn'
const CURE = 'sign in: send the token of POST /api/v1/auth/login as Authorization: Bearer TOKEN'

/** Returns the key that signs session tokens, derived from the gateway's internal key. */
export function sessionKey({ settings }: LiveContext): string {
  return deriveSessionKey(settings.keys.INTERNAL_API_KEY)
}

/** Calls of live that need no session, and those that are frequent. */
export type SessionCalls = Required<Pick<Authentication, 'isOpen' | 'isFrequent'>>

/** Returns the authentication by sessions. */
export function sessionAuthentication(context: LiveContext, calls: SessionCalls): Authentication {
  return {
    isAuthenticated: async (c) => (await readSession(context, c)) !== null,
    callerOf: async (c) => (await readSession(context, c))?.user.userId ?? null,
    ...calls,
    cure: CURE,
  }
}

/**
 * Returns who a request is from, or `null`. The session is looked up once per request.
 * @throws BrokenRule FORBIDDEN where another site makes a browser send its cookie
 */
export async function readSession(context: LiveContext, c: Context): Promise<SignedIn | null> {
  const known: SignedIn | null | undefined = c.get(SIGNED_IN)
  if (known !== undefined) return known
  const signedIn = await lookUpSession(context, c)
  c.set(SIGNED_IN, signedIn)
  return signedIn
}

async function lookUpSession(context: LiveContext, c: Context): Promise<SignedIn | null> {
  const token = bearerToken(c) ?? cookieOf(context, c)
  if (token === null) return null
  const subject = await verifySessionToken(sessionKey(context), token)
  if (subject === null) return null
  const found = await findSession(context.db, subject.sessionId)
  return found === null || found.user.userId !== subject.userId
    ? null
    : { user: found.user, sessionId: found.session.sessionId, address: context.clientAddress(c) }
}

function cookieOf(context: LiveContext, c: Context): string | null {
  const token = getCookie(c, COOKIE)
  if (token === undefined) return null
  refuseOtherSite(context, c)
  return token
}

/**
 * Refuses a request that another site makes a browser send: with the cookie of its user, or to log the user in to an
 * account of the attacker.
 * @throws BrokenRule FORBIDDEN
 */
export function refuseOtherSite({ settings }: LiveContext, c: Context): void {
  if (isSafeOrSameOrigin(c, settings.publicUrl)) return
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'another site sent this request; use the pages of this one')
}

/**
 * Refuses a page of another site that connects a WebSocket: browsers send cookies with it, whatever the page.
 * @throws BrokenRule FORBIDDEN
 */
export function refuseOtherOrigin({ settings }: LiveContext, c: Context): void {
  if (hasOwnOriginOrNone(c, settings.publicUrl)) return
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'a page of another site sent this request; use the pages of this one')
}

/**
 * Returns who a request is from.
 * @throws BrokenRule UNAUTHORIZED where it has no valid session
 */
export async function requireSession(context: LiveContext, c: Context): Promise<SignedIn> {
  const signedIn = await readSession(context, c)
  if (signedIn === null) throw sessionEnded()
  return signedIn
}

/**
 * Returns who a request is from, given that the user's role includes another one.
 * @throws BrokenRule UNAUTHORIZED, FORBIDDEN
 */
export async function requireRole(context: LiveContext, c: Context, role: Role): Promise<SignedIn> {
  const signedIn = await requireSession(context, c)
  if (includesRole(signedIn.user.role, role)) return signedIn
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, `the role ${role} is needed; an admin grants it`)
}

/** Returns the refusal of a request that has no valid session, or none any more. */
export function sessionEnded(): BrokenRule {
  return new BrokenRule(KERNEL_ERRORS.UNAUTHORIZED, CURE)
}

/** Stores the token of a session in a browser. Scripts cannot read it. */
export function setSessionCookie(context: LiveContext, c: Context, token: string, expires: Date): void {
  setCookie(c, COOKIE, token, { ...cookieAttributes(context), expires })
}

/** Makes a browser forget its token. */
export function clearSessionCookie(context: LiveContext, c: Context): void {
  deleteCookie(c, COOKIE, cookieAttributes(context))
}

function cookieAttributes({ settings }: LiveContext) {
  return { path: '/', httpOnly: true, sameSite: 'Lax', secure: settings.live.isCookieSecure } as const
}
