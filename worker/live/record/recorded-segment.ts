import type { EncoderRun, StoredSegment } from '../../../shared/contract/live.ts'

/** A run of the encoder with the initialization segments of its rungs, in their order. */
export type RecordedRun = { readonly run: EncoderRun; readonly inits: readonly Buffer[] }

/** The initialization segments of a run, in the order of its rungs. They are known before its description is. */
export type RunInits = {
  readonly run: { readonly run: number; readonly rungs: readonly { readonly name: string }[] }
  readonly inits: readonly Buffer[]
}

/** A segment to store: its row, and its parts for each rung of the run. */
export type RecordedSegment = {
  readonly run: RecordedRun
  readonly row: StoredSegment
  readonly files: readonly (readonly Buffer[])[]
}

/** Returns the size of a segment in memory. */
export function countBytes({ row }: RecordedSegment): number {
  return row.bytes.reduce((sum, bytes) => sum + bytes, 0)
}
