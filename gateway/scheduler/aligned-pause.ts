/**
 * Returns the time until the next multiple of an interval, in ms. What polls so polls at the same moments as all else of this
 * interval, and their reads share a statement.
 */
export function alignedPauseMs(everyMs: number, nowMs: number): number {
  return everyMs - (nowMs % everyMs)
}
