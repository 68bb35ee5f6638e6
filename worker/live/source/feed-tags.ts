import { encodeFlvHeader, encodeFlvTag, type FlvTag } from '../flv/flv-tag.ts'
import type { SourceStart } from './collect-start.ts'
import { readTaggedFrame } from './video-frame.ts'

/** Converts a session's tags to the FLV that the encoder reads: its clock begins with the run's first tag. */
export type TagFeed = {
  /** The file header. */
  readonly header: Buffer
  /** Time of the run's first frame on the feed's clock, in ms. */
  readonly startOffsetMs: number
  /** Returns a tag on the feed's clock. */
  encode(tag: FlvTag): Buffer
}

/** Creates the feed of a run. */
export function createTagFeed({ tags, startMs, hasAudio }: SourceStart): TagFeed {
  const [first] = tags.flatMap((tag) => readTaggedFrame(tag) ?? [])
  const zeroMs = first?.dtsMs ?? startMs
  return {
    header: encodeFlvHeader({ hasAudio, hasVideo: true }),
    startOffsetMs: startMs - zeroMs,
    // Configurations were received before the first frame.
    encode: (tag) => encodeFlvTag({ ...tag, timestampMs: Math.max(0, tag.timestampMs - zeroMs) }),
  }
}
