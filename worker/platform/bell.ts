/** A wait that can be cut short: one waits, another rings. */
export type Bell = {
  /** Ends the wait that is going on; without one it does nothing, so look whether there is work before you wait. */
  ring(): void
  /** Resolves after `ms`, or as soon as the bell is rung or the signal aborts. One waiter at a time. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

/** Timers take no longer delay; who waits looks again then. */
const LONGEST_WAIT_MS = 3_600_000

export function createBell(): Bell {
  let end: (() => void) | null = null
  return {
    ring: () => end?.(),
    wait: (ms, signal) =>
      new Promise((resolve) => {
        end = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
          end = null
          resolve()
        }
        const onAbort = () => end?.()
        const timer = setTimeout(onAbort, Math.min(Math.max(ms, 0), LONGEST_WAIT_MS))
        signal.addEventListener('abort', onAbort)
        if (signal.aborted) end()
      }),
  }
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return createBell().wait(ms, signal)
}
