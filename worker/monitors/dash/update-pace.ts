/** Measures how often an MPD has new segments: it may be renewed more often than its minimumUpdatePeriod says. */
export type UpdatePace = {
  /**
   * Notes the newest number of a fetch at `atMs`, in ms. Returns the longest time between two of the last fetches with
   * news, in seconds; `null` until enough of them are known.
   */
  note(newest: number | null, atMs: number): number | null
}

/** Fetches with news by which the pace is judged. */
const JUDGED = 5

/** Creates a pace of which nothing is known. */
export function createUpdatePace(): UpdatePace {
  const newsMs: number[] = []
  let known = -Infinity
  return {
    note(newest, atMs) {
      // Caches that alternate show older numbers again.
      if (newest !== null && newest > known) {
        known = newest
        newsMs.push(atMs)
        newsMs.splice(0, newsMs.length - JUDGED - 1)
      }
      if (newsMs.length <= JUDGED) return null
      return Math.max(...newsMs.slice(1).map((eachMs, index) => eachMs - (newsMs[index] ?? eachMs))) / 1000
    },
  }
}
