import type { Context, MiddlewareHandler } from 'hono'

import { BrokenRule } from '../errors.ts'
import { hasApiKey } from './api-key.ts'

const WINDOW_MS = 60_000

export type Limits = { readonly writesPerMinute: number; readonly readsPerMinute: number }

/** What the calls of a gateway are counted in: POSTs apart from all others. */
export type CallCounters = { readonly writes: CallCounter; readonly reads: CallCounter }

export type CallCounter = {
  readonly limit: number
  /** Counts a call of a client; gives how many it made in its window, and in how many ms that ends. */
  count(client: string, nowMs: number): { readonly calls: number; readonly endsInMs: number }
  /** How many clients it remembers. */
  clients(): number
}

/** Each gateway counts for itself; an entry that makes an app for each request keeps its counters from one to the next. */
export function createCallCounters({ writesPerMinute, readsPerMinute }: Limits): CallCounters {
  return { writes: createCounter(writesPerMinute), reads: createCounter(readsPerMinute) }
}

/** A client's window begins with its first call. No timer forgets it: a fetch runtime ends timers with their request. */
function createCounter(limit: number): CallCounter {
  const windows = new Map<string, { readonly endsMs: number; calls: number }>()
  let sweepAtMs = 0
  return {
    limit,
    count(client, nowMs) {
      if (nowMs >= sweepAtMs) {
        for (const [key, { endsMs }] of windows) if (endsMs <= nowMs) windows.delete(key)
        sweepAtMs = nowMs + WINDOW_MS
      }
      const known = windows.get(client)
      const window = known !== undefined && known.endsMs > nowMs ? known : { endsMs: nowMs + WINDOW_MS, calls: 0 }
      window.calls++
      windows.set(client, window)
      return { calls: window.calls, endsInMs: window.endsMs - nowMs }
    },
    clients: () => windows.size,
  }
}

/**
 * Limits calls per client, which is the key from an address, or an address without it, in windows of a minute. Answers
 * carry `RateLimit-Limit`, `-Remaining` and `-Reset` (seconds), as in draft-ietf-httpapi-ratelimit-headers-06.
 */
export function limitRate(
  counters: CallCounters,
  key: string,
  clientAddress: (c: Context) => string,
): MiddlewareHandler {
  return async (c, next) => {
    const counter = c.req.method === 'POST' ? counters.writes : counters.reads
    const client = `${hasApiKey(c, key) ? 'key' : 'none'}|${clientAddress(c)}`
    const { calls, endsInMs } = counter.count(client, Date.now())
    const resetSec = Math.ceil(endsInMs / 1000)
    c.header('RateLimit-Limit', String(counter.limit))
    c.header('RateLimit-Remaining', String(Math.max(0, counter.limit - calls)))
    c.header('RateLimit-Reset', String(resetSec))
    if (calls > counter.limit) {
      const message = `more than ${counter.limit} calls of this kind in a minute; try again in ${resetSec} s`
      throw new BrokenRule('RATE_LIMIT_EXCEEDED', message, { retryAfterSec: resetSec })
    }
    await next()
  }
}
