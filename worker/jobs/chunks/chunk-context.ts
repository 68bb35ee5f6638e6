import type { Store } from '../../stores/store.ts'

/** What the steps of a split job work with. */
export type ChunkContext = {
  readonly ffmpegPath: string
  readonly ffprobePath: string
  /** An empty local folder. */
  readonly dir: string
  readonly store: Store
  /** Key prefix of the job's own files in the store, with a slash at its end. */
  readonly partsKey: string
  /** Wall-clock limit of each program run. */
  readonly timeoutMs: number
  /** Limit of the encoded files. */
  readonly maxOutputBytes: number
  readonly signal: AbortSignal
}
