/** A wait that another part of the program can end early. */
export type WakeSignal = {
  /** Ends the current wait. Without one it has no effect: check for work before each wait. */
  wake(): void
  /** Resolves after `ms`, on `wake`, or when the signal aborts. One waiter at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

/** Longest single wait. Timers cannot hold longer delays; the waiter checks its work again after it. */
const MAX_WAIT_MS = 3_600_000

/** Creates a wake signal. */
export function createWakeSignal(): WakeSignal {
  let end: (() => void) | null = null
  return {
    wake: () => end?.(),
    wait: (ms, signal) =>
      new Promise((resolve) => {
        end = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
          end = null
          resolve()
        }
        const onAbort = () => end?.()
        const timer = setTimeout(onAbort, Math.min(Math.max(ms, 0), MAX_WAIT_MS))
        signal.addEventListener('abort', onAbort)
        if (signal.aborted) end()
      }),
  }
}

/** Resolves after `ms`, at most an hour, or when the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return createWakeSignal().wait(ms, signal)
}
