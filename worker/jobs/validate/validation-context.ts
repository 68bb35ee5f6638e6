import type { ValidationLevel } from '../../../shared/contract/jobs.ts'
import type { OutputPlan, OutputSet } from '../plan/output-plan.ts'

/** How thoroughly an output is validated. */
export type ValidationSettings = {
  readonly level: ValidationLevel
  /** Runs a full decode also at levels that do not include it. */
  readonly decodeTest: boolean
  /**
   * Depth for segmented sets. `basic`: playlists and manifests. `medium`: also the first and the last segments. `full`:
   * every segment. `strict` validation always uses `full`.
   */
  readonly hlsDepth: 'basic' | 'medium' | 'full'
  /** Limit of each ffprobe run. A full decode may take four times the output's duration where that is longer. */
  readonly timeoutMs: number
}

/** What all checks of one validation share. */
export type ValidationContext = {
  readonly plan: OutputPlan
  readonly set: OutputSet
  readonly settings: ValidationSettings
  readonly tools: { readonly ffmpegPath: string; readonly ffprobePath: string }
  /** Pause before a failed ffprobe run is repeated. */
  readonly retryPauseMs: number
  readonly signal: AbortSignal
  /** Size in bytes of each existing file of the set, by name. */
  readonly sizes: ReadonlyMap<string, number>
}
