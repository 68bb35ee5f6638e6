import { setTimeout as delay } from 'node:timers/promises'

/** Longest wait of a test for an expected condition, in ms. No machine is this slow: it only ends tests that hang. */
export const PATIENCE_MS = 120_000

/** Options of `vi.waitFor` and `vi.waitUntil`. The configuration sets the same for `expect.poll`. */
export const WAIT = { timeout: PATIENCE_MS, interval: 20 } as const

/**
 * Resolves once a condition holds.
 * @throws Error with `description` where it does not within `PATIENCE_MS`
 */
export async function until(condition: () => boolean | Promise<boolean>, description: string): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`timed out before ${description}`)
    await delay(WAIT.interval)
  }
}
