import type { PartEvent } from '../../../shared/contract/live.ts'
import type { SessionMoment } from '../rules/continuous-runs.ts'
import type { EncoderRunRow, SegmentRow } from '../store/segments.ts'

/** The part of a broadcast that a playlist shows. */
export type PlaylistWindow = {
  /** In the order of their sequence numbers, without gaps. */
  readonly segments: readonly SegmentRow[]
  /** They are a recording, from its beginning. */
  readonly isRecording: boolean
  /** All runs of these segments. */
  readonly runs: readonly EncoderRunRow[]
  /** Where the last segment ends; `null`: unknown. */
  readonly end: SessionMoment | null
  readonly hasEnded: boolean
  /** The newest parts, of segments that have no row yet or have got it just now; `null`: there are no parts. */
  readonly parts: readonly PartEvent[] | null
  /** What the addresses of files begin with, and those of parts: `../`. */
  readonly filesBase: string
  readonly partsBase: string
}
