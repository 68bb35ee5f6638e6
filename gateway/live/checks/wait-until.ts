import { setTimeout as wait } from 'node:timers/promises'

const POLL_MS = 50

/** What is waited for, and no longer than how many seconds. */
type WaitOptions = { readonly what: string; readonly sec: number; readonly signal: AbortSignal }

/**
 * Resolves once a condition holds, with the time of that in ms of the unix time. An error of the condition means that it
 * does not hold yet.
 * @throws Error where it does not hold in time
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  { what, sec, signal }: WaitOptions,
): Promise<number> {
  const endMs = performance.now() + sec * 1000
  for (;;) {
    const holds = await Promise.resolve()
      .then(condition)
      .catch(() => false)
    if (holds) return Date.now()
    signal.throwIfAborted()
    if (performance.now() > endMs) throw new Error(`${what}: not within ${sec} s`)
    await wait(POLL_MS, undefined, { signal })
  }
}

/** Waits for some seconds. */
export async function pause(sec: number, signal: AbortSignal): Promise<void> {
  await wait(sec * 1000, undefined, { signal })
}
