import type { Store } from '../../platform/stores/store.ts'

/** Where the workers of a split job work, and what they hand on to one another. */
export type ChunkRun = {
  readonly ffmpegPath: string
  readonly ffprobePath: string
  /** An empty folder. */
  readonly dir: string
  readonly store: Store
  /** The job's own folder in the store, with its slash. */
  readonly partsKey: string
  /** Wall-clock time that each run of a program may take. */
  readonly timeoutMs: number
  /** Of what is encoded. */
  readonly maxOutputBytes: number
  readonly signal: AbortSignal
}

/** How parts are stored: nobody reads them but the job's workers. */
export const PART_HEADERS = { contentType: 'application/octet-stream', cacheControl: 'no-store' }

/** The sound of the whole output, encoded: `encode` gives a file of sound alone this name. */
export const SOUND_NAME = 'output.m4a'

/** The piece of the source that a chunk is made of. */
export function pieceName(index: number): string {
  return `piece_${numbered(index)}.mov`
}

/** A chunk of a rendition, encoded. */
export function chunkName(index: number, rendition: number): string {
  return `chunk_${numbered(index)}_${rendition}.mp4`
}

function numbered(index: number): string {
  return String(index).padStart(3, '0')
}
