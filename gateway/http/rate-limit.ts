import type { Context, MiddlewareHandler } from 'hono'

import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import type { Authentication } from './authentication.ts'
import { networkOf } from './client-address.ts'

const WINDOW_MS = 60_000

export type RateLimits = { readonly writesPerMinute: number; readonly readsPerMinute: number }

/** The call counters of a gateway: POSTs apart from all other calls, and those that are frequent apart from the rest. */
export type CallCounters = Readonly<Record<'writes' | 'reads' | 'frequentWrites' | 'frequentReads', CallCounter>>

/** How many times the limit of others the limit of frequent calls is. */
const FREQUENT = 20

export type CallCounter = {
  readonly limit: number
  /** Counts a call; returns how many the client made in its window, and in how many ms the window ends. */
  count(client: string, nowMs: number): { readonly calls: number; readonly endsInMs: number }
  /** Returns how many clients it remembers. */
  clients(): number
}

/** Creates the counters of one gateway; an entry that creates an app for each request keeps them between requests. */
export function createCallCounters({ writesPerMinute, readsPerMinute }: RateLimits): CallCounters {
  return {
    writes: createCounter(writesPerMinute),
    reads: createCounter(readsPerMinute),
    frequentWrites: createCounter(FREQUENT * writesPerMinute),
    frequentReads: createCounter(FREQUENT * readsPerMinute),
  }
}

/** Creates a counter in which a client's window starts with its first call. It uses no timer: a fetch runtime ends them. */
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
 * Refuses calls over the limit (429 RATE_LIMIT_EXCEEDED), per minute and client: a user, wherever it is; all with the key at an
 * address; all without credentials at an address.
 * Answers carry `RateLimit-Limit`, `-Remaining` and `-Reset` (s), as in draft-ietf-httpapi-ratelimit-headers-06.
 */
export function limitRate(
  counters: CallCounters,
  authenticationOf: (c: Context) => Authentication,
  clientAddress: (c: Context) => string,
): MiddlewareHandler {
  return async (c, next) => {
    const authentication = authenticationOf(c)
    const counter = counterOf(counters, c.req.method, authentication.isFrequent?.(c) === true)
    countCall(c, counter, await findClient(c, authentication, clientAddress(c)))
    await next()
  }
}

async function findClient(c: Context, authentication: Authentication, address: string): Promise<string> {
  const hasCredentials = await authentication.isAuthenticated(c)
  const user = hasCredentials ? ((await authentication.callerOf?.(c)) ?? null) : null
  return user ?? `${hasCredentials ? 'key' : 'none'}|${networkOf(address)}`
}

/**
 * Counts a call of a client, and states the limit in the answer.
 * @throws BrokenRule RATE_LIMIT_EXCEEDED
 */
export function countCall(c: Context, counter: CallCounter, client: string): void {
  const { calls, endsInMs } = counter.count(client, Date.now())
  const resetSec = Math.ceil(endsInMs / 1000)
  c.header('RateLimit-Limit', String(counter.limit))
  c.header('RateLimit-Remaining', String(Math.max(0, counter.limit - calls)))
  c.header('RateLimit-Reset', String(resetSec))
  if (calls <= counter.limit) return
  const message = `more than ${counter.limit} calls of this kind in a minute; try again in ${resetSec} s`
  throw new BrokenRule(KERNEL_ERRORS.RATE_LIMIT_EXCEEDED, message, { retryAfterSec: resetSec })
}

function counterOf(counters: CallCounters, method: string, isFrequent: boolean): CallCounter {
  if (method === 'POST') return isFrequent ? counters.frequentWrites : counters.writes
  return isFrequent ? counters.frequentReads : counters.reads
}
