import type { ValidationLevel } from '../../../shared/contract/jobs.ts'
import type { OutputPlan, OutputSet } from '../output-plan.ts'

/** How much is looked at. */
export type ValidationSettings = {
  readonly level: ValidationLevel
  /** Decode all of it also where the level does not ask for it. */
  readonly decodeTest: boolean
  /** Of a set: the playlists, the first and the last segments too, or every segment. `strict` means `full`. */
  readonly hlsDepth: 'basic' | 'medium' | 'full'
  /**
   * Each run of a program may take so long. A full decode grows with the media: it may take as long as the media plays
   * four times, where that is more.
   */
  readonly timeoutMs: number
}

/** What every check of one validation shares. */
export type Environment = {
  readonly plan: OutputPlan
  readonly set: OutputSet
  readonly settings: ValidationSettings
  readonly tools: { readonly ffmpegPath: string; readonly ffprobePath: string }
  /** Before a failed ffprobe is tried again. */
  readonly retryPauseMs: number
  readonly signal: AbortSignal
  /** Bytes of each file of the set that is there. */
  readonly sizes: ReadonlyMap<string, number>
}
