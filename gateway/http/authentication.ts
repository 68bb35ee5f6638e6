import type { Context, MiddlewareHandler } from 'hono'

import { timingSafeEqual } from '../../shared/net/signing.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'

/** How the clients of an API prove who they are: programs by keys, people by sessions. */
export type Authentication = {
  /** Returns whether a request carries valid credentials. */
  isAuthenticated(c: Context): boolean | Promise<boolean>
  /** Returns who sends an authenticated request; left out where all have the same key. */
  callerOf?(c: Context): Promise<string | null>
  /** Returns whether a request needs none; left out where every request needs them. */
  isOpen?(c: Context): boolean
  /** Returns whether people make a call often, or many of them from one address; left out where it is for machines only. */
  isFrequent?(c: Context): boolean
  /** How to authenticate, for the error message. */
  readonly cure: string
}

/** Returns the authentication by a key, as `X-API-Key: KEY` or `Authorization: Bearer KEY`. */
export function apiKeyAuthentication(key: string): Authentication {
  return {
    isAuthenticated(c) {
      const given = givenKey(c)
      return given !== null && timingSafeEqual(given, key)
    },
    cure: 'a valid key is needed, as X-API-Key: KEY or Authorization: Bearer KEY',
  }
}

function givenKey(c: Context): string | null {
  return c.req.header('x-api-key') ?? bearerToken(c)
}

/** Returns the token of `Authorization: Bearer TOKEN` (RFC 6750 §2.1), or `null`. */
export function bearerToken(c: Context): string | null {
  return /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? null
}

/** Refuses requests without valid credentials (401 UNAUTHORIZED). */
export function requireAuthentication(authenticationOf: (c: Context) => Authentication): MiddlewareHandler {
  return async (c, next) => {
    const { isAuthenticated, isOpen, cure } = authenticationOf(c)
    if (isOpen?.(c) !== true && !(await isAuthenticated(c))) throw new BrokenRule(KERNEL_ERRORS.UNAUTHORIZED, cure)
    await next()
  }
}
