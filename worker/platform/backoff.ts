/** The bounds of exponential backoff. */
export type BackoffPolicy = { readonly firstMs: number; readonly maxMs: number }

/** Share by which a wait is lengthened or shortened at most, so that workers do not retry simultaneously. */
const JITTER = 0.2

/** Returns the wait before the next attempt, in ms, after `failures` (1 or more) in a row: doubling, with jitter. */
export function computeBackoffMs(failures: number, policy: BackoffPolicy, random: () => number = Math.random): number {
  const grownMs = policy.firstMs * 2 ** Math.min(failures - 1, 30)
  return Math.min(policy.maxMs, addJitter(grownMs, random))
}

/** Lengthens or shortens a wait by up to a fifth. */
export function addJitter(ms: number, random: () => number = Math.random): number {
  return Math.round(ms * (1 + JITTER * (2 * random() - 1)))
}
