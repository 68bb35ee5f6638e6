/** The time of a broadcast: how much of its media has gone out, which stands still while it is paused. */
export type BroadcastClock = {
  /** Starts the clock; only the first call counts. */
  start(): void
  /** When it started, in ms since 1970. Throws before. */
  startedAtMs(): number
  /** Seconds of media that have gone out by now. */
  mediaSec(): number
  /** When a second of the media goes out, in ms since 1970, for pauses as known by now. Throws before the start. */
  wallOf(mediaSec: number): number
  /** Nothing goes out until `resume`; what would have gone out comes later. */
  pause(): void
  resume(): void
}

/** A clock at whose start `leadSec` seconds of media have gone out already. */
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
