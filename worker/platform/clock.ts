/** The time of day as this worker knows it, in ms since 1970. */
export type Clock = { nowMs(): number }

/** A clock that can be set right by the gateway's. */
export type SettableClock = Clock & {
  /** `serverTimeSec`: the gateway's time in unix seconds. */
  correct(serverTimeSec: number): void
  /** A clock that shows the same time from here on and is never set again, for work that measures by it. */
  settled(): Clock
}

/**
 * A clock that starts from the machine's and then goes by its monotonic time, so that nobody who sets the machine's
 * clock makes a stream look stalled or late.
 */
export function createClock(): SettableClock {
  let originMs = Date.now() - performance.now()
  return {
    nowMs: () => sinceOrigin(originMs),
    correct: (serverTimeSec) => {
      originMs = serverTimeSec * 1000 - performance.now()
    },
    settled: () => {
      const settledOriginMs = originMs
      return { nowMs: () => sinceOrigin(settledOriginMs) }
    },
  }
}

function sinceOrigin(originMs: number): number {
  return Math.round(originMs + performance.now())
}
