/**
 * The places of a pool: each query or transaction takes one, and waits for it where all are taken. postgres.js would send a
 * query behind a slow one, or keep it for as long as all connections are busy.
 */

import type { Sql } from 'postgres'

/** Longest wait while no place becomes free, in ms: the connections are stuck. */
const STUCK_MS = 2000
/** Longest wait while places become free, in ms; shorter than a statement may take. A burst may need it. */
const LONGEST_WAIT_MS = 5000
const CHECK_MS = 100

export type PoolPlaces = {
  /** Runs work as soon as a place is free. @throws an error with the code POOL_EXHAUSTED */
  run<Result>(work: () => Promise<Result>): Promise<Result>
}

type PoolWaiter = { readonly sinceMs: number; enter(): void; refuse(error: Error): void }

/** Creates the places of a pool of this size. */
export function createPoolPlaces(size: number): PoolPlaces {
  let free = size
  let handedOnMs = -Infinity
  let timer: ReturnType<typeof setInterval> | null = null
  // The oldest first.
  const waiting = new Set<PoolWaiter>()

  function release(): void {
    const [next] = waiting
    handedOnMs = performance.now()
    if (next === undefined) free += 1
    else {
      waiting.delete(next)
      next.enter()
    }
  }

  function refuseLate(): void {
    const nowMs = performance.now()
    const longestMs = nowMs - handedOnMs >= STUCK_MS ? STUCK_MS : LONGEST_WAIT_MS
    for (const waiter of waiting) {
      if (nowMs - waiter.sinceMs < longestMs) break
      waiting.delete(waiter)
      waiter.refuse(Object.assign(new Error('all connections to the database are busy'), { code: 'POOL_EXHAUSTED' }))
    }
    if (waiting.size > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  function wait(): Promise<void> {
    // In an immediate: where this process was busy, answers that have arrived are read first.
    timer ??= setInterval(() => setImmediate(refuseLate), CHECK_MS).unref()
    return new Promise((enter, refuse) => waiting.add({ sinceMs: performance.now(), enter, refuse }))
  }

  return {
    async run(work) {
      if (free > 0) free -= 1
      else await wait()
      try {
        return await work()
      } finally {
        release()
      }
    },
  }
}

/** Returns the client of a pool for Drizzle, whose queries and transactions take a place each. */
export function withPlaces(sql: Sql, places: PoolPlaces): Sql {
  const unsafe = (...query: Parameters<Sql['unsafe']>) => {
    let isArray = false
    const rows = Promise.resolve().then(() =>
      places.run<unknown>(() => (isArray ? sql.unsafe(...query).values() : sql.unsafe(...query))),
    )
    const values = () => {
      isArray = true
      return rows
    }
    return Object.assign(rows, { values })
  }
  const begin = (work: Parameters<Sql['begin']>[1]) => places.run(() => sql.begin(work))
  const limited: Readonly<Record<string | symbol, unknown>> = { unsafe, begin }
  return new Proxy(sql, { get: (client, name) => limited[name] ?? Reflect.get(client, name) })
}
