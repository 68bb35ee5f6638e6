import type { Context, MiddlewareHandler } from 'hono'

import { equalInConstantTime } from '../../shared/signing.ts'
import { BrokenRule } from '../errors.ts'

/** Lets a request through that carries the key as `X-Api-Key: KEY` or `Authorization: Bearer KEY`. */
export function requireApiKey(key: string): MiddlewareHandler {
  return async (c, next) => {
    const given = givenKey(c)
    if (given === null || !equalInConstantTime(given, key)) {
      throw new BrokenRule('UNAUTHORIZED', 'a valid key is needed, as X-API-Key: KEY or Authorization: Bearer KEY')
    }
    await next()
  }
}

function givenKey(c: Context): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')
  return c.req.header('x-api-key') ?? bearer?.[1] ?? null
}
