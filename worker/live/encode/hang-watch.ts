import type { Clock } from '../../platform/clock.ts'

/** Notices an encoder that reads and writes nothing more. */
export type HangWatch = {
  /** Notes the time of a tag that the encoder was fed, in ms of the session. */
  noteFed(timestampMs: number): void
  /** Returns whether the encoder hangs, by the end of what it has packaged and the time of its last part. */
  check(progress: { readonly endMs: number; readonly atMs: number }): boolean
}

/** The encoder hangs if it packages nothing for this long while frames wait. */
const HANG_MS = 10_000
/** Frames that the encoder holds in ordinary operation, in ms. */
const HELD_MS = 1500

/** Creates the watch of a run that begins at `startMs` of the session. */
export function createHangWatch(startMs: number, clock: Clock): HangWatch {
  let fedMs = startMs
  let heldSinceMs: number | null = null
  return {
    noteFed: (timestampMs) => (fedMs = timestampMs),
    check: ({ endMs, atMs }) => {
      heldSinceMs = fedMs - endMs > HELD_MS ? (heldSinceMs ?? clock.nowMs()) : null
      return heldSinceMs !== null && clock.nowMs() - Math.max(heldSinceMs, atMs) >= HANG_MS
    },
  }
}
