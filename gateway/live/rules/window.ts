/** The shortest window, in seconds: without DVR, players still need some segments. */
const SHORTEST_WINDOW_SEC = 30

/** Returns how far back viewers may go in a broadcast on the air, in seconds. */
export function windowSecOf({ dvrSec }: { readonly dvrSec: number }): number {
  return Math.max(dvrSec, SHORTEST_WINDOW_SEC)
}
