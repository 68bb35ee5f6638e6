/** The clock of a simulated broadcast: how much of its media has been published. It stops while the broadcast is paused. */
export type BroadcastClock = {
  /** Starts the clock; only the first call counts. */
  start(): void
  /** Returns the start time, in ms since 1970. Throws before the start. */
  startedAtMs(): number
  /** Returns how many seconds of media have been published. */
  mediaSec(): number
  /** Returns when a second of media is published, in ms since 1970, given the pauses so far. Throws before the start. */
  wallOf(mediaSec: number): number
  /** Publishes nothing until `resume`; the rest of the media is published later. */
  pause(): void
  resume(): void
}

/** Creates a clock at whose start `leadSec` seconds of media have already been published. */
export function createBroadcastClock(leadSec: number): BroadcastClock {
  let startMs: number | null = null
  let pausedAtMs: number | null = null
  const pauses: { readonly mediaSec: number; readonly ms: number }[] = []

  function startedAtMs(): number {
    if (startMs === null) throw new Error('the broadcast starts with the first request of a playlist')
    return startMs
  }
  function mediaSec(): number {
    if (startMs === null) return leadSec
    const pausedMs = pauses.reduce((sum, pause) => sum + pause.ms, 0)
    return leadSec + ((pausedAtMs ?? Date.now()) - startMs - pausedMs) / 1000
  }
  return {
    start() {
      startMs ??= Date.now()
    },
    startedAtMs,
    mediaSec,
    wallOf(sec) {
      const pausedMs = pauses.reduce((sum, pause) => (pause.mediaSec < sec ? sum + pause.ms : sum), 0)
      return startedAtMs() + (sec - leadSec) * 1000 + pausedMs
    },
    pause() {
      pausedAtMs ??= Math.max(Date.now(), startedAtMs())
    },
    resume() {
      if (pausedAtMs === null) return
      pauses.push({ mediaSec: mediaSec(), ms: Date.now() - pausedAtMs })
      pausedAtMs = null
    },
  }
}
