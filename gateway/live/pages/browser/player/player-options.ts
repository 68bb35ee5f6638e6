/** What a player plays, and what it reports. */
export type PlayerOptions = {
  readonly url: string
  readonly isLive: boolean
  readonly isLowLatency: boolean
  readonly isMuted: boolean
  readonly autoplay: boolean
  /** Where a recording begins, in seconds. */
  readonly startSec: number
  /** WebVTT of its chapters. */
  readonly chaptersUrl: string | null
  /** The picture cannot be played now, or in this browser at all. */
  onProblem(isUnsupported: boolean): void
  onPlaying(): void
  onEnd(): void
}
