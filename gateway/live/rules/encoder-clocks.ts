/** Which clocks of encoders run: that of those who are not seen, and that of those who are awaited (`RECONNECT_WINDOW`). */
export type EncoderClocks = { readonly unseen: boolean; readonly awaited: boolean }

/** Knows when the clocks of encoders have to stand still, because no gateway could have heard of them. */
export type OutageWatch = {
  /** Returns which clocks run at the beginning of a run. */
  begin(nowMs: number): EncoderClocks
  /** Notes that a run has succeeded: there is a database. */
  end(nowMs: number): void
}

/** Runs follow one another far sooner; after a longer pause no gateway may have received what ingest workers report, in ms. */
const OUTAGE_MS = 6000

/**
 * Creates the watch of a gateway that starts now. The clocks stand still for `graceMs` after an outage, in which encoders
 * are reported again or come back; that of the unseen ones at its start too, since there may have been no other gateway.
 */
export function createOutageWatch(nowMs: number, graceMs: number): OutageWatch {
  let endedMs = nowMs
  let unseenFromMs = nowMs + graceMs
  let awaitedFromMs = -Infinity
  return {
    begin(atMs) {
      if (atMs - endedMs > OUTAGE_MS) unseenFromMs = awaitedFromMs = atMs + graceMs
      return { unseen: atMs >= unseenFromMs, awaited: atMs >= awaitedFromMs }
    },
    end: (atMs) => void (endedMs = atMs),
  }
}
