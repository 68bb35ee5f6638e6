/** The time of day, in ms since 1970. */
export type Clock = { nowMs(): number }

/** A clock that the gateway's time can correct. */
export type SettableClock = Clock & {
  /** Sets the clock to the gateway's time in unix seconds. */
  correct(serverTimeSec: number): void
  /** Returns a clock that shows the same time and ignores later corrections, for work that measures by it. */
  detach(): Clock
}

/**
 * Creates a clock that starts at the machine's time and advances by its monotonic clock. A change of the machine's clock
 * thus cannot make a stream look stalled or late.
 */
export function createClock(): SettableClock {
  let originMs = Date.now() - performance.now()
  return {
    nowMs: () => readMs(originMs),
    correct: (serverTimeSec) => {
      originMs = serverTimeSec * 1000 - performance.now()
    },
    detach: () => {
      const detachedOriginMs = originMs
      return { nowMs: () => readMs(detachedOriginMs) }
    },
  }
}

function readMs(originMs: number): number {
  return Math.round(originMs + performance.now())
}
