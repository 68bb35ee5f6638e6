const FIRST_MS = 10_000
const MOST_MS = 300_000

/** How long a kubelet waits before it starts a container again: not at all, 10 s, 20 s … 5 min. */
export type BackOff = {
  /** The wait that is due now; its name, unshortened, is what the message says. */
  next(): { readonly waitMs: number; readonly said: string }
}

/** `factor` shortens the waits, not what is said of them. A run of ten minutes begins it anew. */
export function createBackOff(factor: number): BackOff {
  let dueMs = 0
  let lastAt = Date.now()
  return {
    next() {
      if (Date.now() - lastAt > 2 * MOST_MS) dueMs = 0
      const waited = dueMs
      dueMs = waited === 0 ? FIRST_MS : Math.min(MOST_MS, 2 * waited)
      lastAt = Date.now() + waited * factor
      return { waitMs: waited * factor, said: goDuration(waited / 1000) }
    },
  }
}

/** As Go writes a duration: `10s`, `2m40s`. */
function goDuration(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`
}
