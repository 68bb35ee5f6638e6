/** How waits grow from failure to failure, in ms. */
export type Growth = { readonly firstMs: number; readonly maxMs: number }

/** Half of the share by which a wait is made longer or shorter, so that many workers do not come at once. */
const JITTER = 0.2

/** How long to wait after so many failures in a row (1 and more): doubling, with jitter, never above the maximum. */
export function backoffMs(failures: number, growth: Growth, random: () => number = Math.random): number {
  const grownMs = growth.firstMs * 2 ** Math.min(failures - 1, 30)
  return Math.min(growth.maxMs, jittered(grownMs, random))
}

/** A wait, up to a fifth longer or shorter. */
export function jittered(ms: number, random: () => number = Math.random): number {
  return Math.round(ms * (1 + JITTER * (2 * random() - 1)))
}
