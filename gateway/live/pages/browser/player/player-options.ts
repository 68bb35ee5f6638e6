/** Where a player begins, in seconds: in a recording, or behind the newest picture of a broadcast. */
export type PlayerPlace = { readonly startSec: number; readonly behindSec: number }

/** What a player plays, and what it reports. */
export type PlayerOptions = PlayerPlace & {
  readonly url: string
  readonly isLive: boolean
  readonly isLowLatency: boolean
  /** It is the preview of a studio: without sound, and with the browser's own controls. */
  readonly isPreview: boolean
  /** WebVTT of its chapters. */
  readonly chaptersUrl: string | null
  /** Called where the picture cannot be played now. */
  onProblem(): void
  /** Called when it plays, or plays again. */
  onPlaying(): void
  onEnd(): void
}
