import type { Context, MiddlewareHandler } from 'hono'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

import { BrokenRule } from '../errors.ts'
import { hasApiKey } from './api-key.ts'

const WINDOW_SEC = 60

export type Limits = { readonly writesPerMinute: number; readonly readsPerMinute: number }

/**
 * Counts calls per client, which is the key from an address, or an address without it, in windows of a minute: POSTs
 * against one limit, all other calls against another. Each gateway counts for itself. Answers carry `RateLimit-Limit`,
 * `-Remaining` and `-Reset` (seconds), as in draft-ietf-httpapi-ratelimit-headers-06.
 */
export function limitRate(limits: Limits, key: string, clientAddress: (c: Context) => string): MiddlewareHandler {
  const writes = new RateLimiterMemory({ points: limits.writesPerMinute, duration: WINDOW_SEC })
  const reads = new RateLimiterMemory({ points: limits.readsPerMinute, duration: WINDOW_SEC })
  return async (c, next) => {
    const limiter = c.req.method === 'POST' ? writes : reads
    const client = `${hasApiKey(c, key) ? 'key' : 'none'}|${clientAddress(c)}`
    const spent = await spend(limiter, client)
    const resetSec = Math.ceil(spent.msBeforeNext / 1000)
    c.header('RateLimit-Limit', String(limiter.points))
    c.header('RateLimit-Remaining', String(spent.remainingPoints))
    c.header('RateLimit-Reset', String(resetSec))
    if (spent.consumedPoints > limiter.points) {
      const message = `more than ${limiter.points} calls of this kind in a minute; try again in ${resetSec} s`
      throw new BrokenRule('RATE_LIMIT_EXCEEDED', message, { retryAfterSec: resetSec })
    }
    await next()
  }
}

/** The limiter rejects with its result where the limit is passed; both ways give the count. */
async function spend(limiter: RateLimiterMemory, client: string): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(client)
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return refused
    throw refused
  }
}
