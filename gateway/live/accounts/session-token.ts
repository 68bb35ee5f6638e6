import { sign, verify } from 'hono/jwt'
import * as v from 'valibot'

import { UUID } from '../../../shared/ids.ts'

/** The one algorithm: a token cannot choose another. */
const ALGORITHM = 'HS256'

const Claims = v.object({ sub: v.pipe(v.string(), v.regex(UUID)), sid: v.pipe(v.string(), v.regex(UUID)) })

/** What a token proves: the session of a user. */
export type TokenSubject = { readonly userId: string; readonly sessionId: string }

/** Returns the token of a session, a JWT (RFC 7519) under HS256. */
export function signSessionToken(key: string, subject: TokenSubject, times: { createdAt: Date; expiresAt: Date }) {
  const { userId, sessionId } = subject
  const claims = { sub: userId, sid: sessionId, iat: toSeconds(times.createdAt), exp: toSeconds(times.expiresAt) }
  return sign(claims, key, ALGORITHM)
}

/** Returns what a token proves, or `null` where it is forged, expired or no token. */
export async function verifySessionToken(key: string, token: string): Promise<TokenSubject | null> {
  try {
    const { sub, sid } = v.parse(Claims, await verify(token, key, { alg: ALGORITHM, iat: false }))
    return { userId: sub, sessionId: sid }
  } catch {
    return null
  }
}

function toSeconds(moment: Date): number {
  return Math.floor(moment.getTime() / 1000)
}
