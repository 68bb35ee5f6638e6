const FIRST_WAIT_MS = 10_000
const MAX_WAIT_MS = 300_000

/** The waits before the restarts of a container: none, 10 s, 20 s, doubled up to 5 min. */
export type Backoff = {
  /** Returns the next wait, and its unscaled duration as text. */
  next(): { readonly waitMs: number; readonly text: string }
}

/** Creates a backoff whose waits are scaled by `factor`. A run of ten minutes resets it. */
export function createBackoff(factor: number): Backoff {
  let dueMs = 0
  let lastAt = Date.now()
  return {
    next() {
      if (Date.now() - lastAt > 2 * MAX_WAIT_MS) dueMs = 0
      const waited = dueMs
      dueMs = waited === 0 ? FIRST_WAIT_MS : Math.min(MAX_WAIT_MS, 2 * waited)
      lastAt = Date.now() + waited * factor
      return { waitMs: waited * factor, text: formatGoDuration(waited / 1000) }
    },
  }
}

/** Formats a duration as Go does: `10s`, `2m40s`. */
function formatGoDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`
}
