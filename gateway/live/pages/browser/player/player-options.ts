/** What a player plays, and what it reports. */
export type PlayerOptions = {
  readonly url: string
  readonly isLive: boolean
  readonly isLowLatency: boolean
  readonly isMuted: boolean
  readonly autoplay: boolean
  /** The picture cannot be played now, or in this browser at all. */
  onProblem(isUnsupported: boolean): void
  onPlaying(): void
  onEnd(): void
}
