import type { OutputPlan } from '../plan/output-plan.ts'

/** Headers of stored chunk files, which only the workers of the job read. */
export const CHUNK_FILE_HEADERS = { contentType: 'application/octet-stream', cacheControl: 'no-store' }

/** Returns the name of the copied piece of the input that a chunk is encoded from. */
export function pieceFileName(chunkIndex: number): string {
  return `piece_${padIndex(chunkIndex)}.mov`
}

/** Returns the name of an encoded chunk of one rendition. */
export function chunkFileName(chunkIndex: number, renditionIndex: number): string {
  return `chunk_${padIndex(chunkIndex)}_${renditionIndex}.mp4`
}

/** Returns the names of the encoded audio of the whole output: none, or the one that `encode` uses for audio alone. */
export function audioFileNames({ audio }: OutputPlan): readonly string[] {
  return audio === null ? [] : ['output.m4a']
}

function padIndex(index: number): string {
  return String(index).padStart(3, '0')
}
