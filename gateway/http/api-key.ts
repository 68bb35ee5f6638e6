import type { Context, MiddlewareHandler } from 'hono'

import { equalInConstantTime } from '../../shared/signing.ts'
import { BrokenRule } from '../errors.ts'

/** Lets a request through that carries the key as `X-Api-Key: KEY` or `Authorization: Bearer KEY`. */
export function requireApiKey(key: string): MiddlewareHandler {
  return async (c, next) => {
    if (!hasApiKey(c, key)) {
      throw new BrokenRule('UNAUTHORIZED', 'a valid key is needed, as X-API-Key: KEY or Authorization: Bearer KEY')
    }
    await next()
  }
}

/** Whether a request carries the key. */
export function hasApiKey(c: Context, key: string): boolean {
  const given = givenKey(c)
  return given !== null && equalInConstantTime(given, key)
}

function givenKey(c: Context): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')
  return c.req.header('x-api-key') ?? bearer?.[1] ?? null
}
