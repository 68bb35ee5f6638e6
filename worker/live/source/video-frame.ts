import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readVideoPayload } from '../flv/media-payload.ts'

/** A video frame of an FLV tag; times are in ms of the session. */
export type TaggedFrame = { readonly ptsMs: number; readonly dtsMs: number; readonly isKey: boolean }

/** Returns the frame of a video tag; `null` of every other tag. */
export function readTaggedFrame(tag: FlvTag): TaggedFrame | null {
  if (tag.type !== TAG_TYPE.video) return null
  const { kind, codec } = readVideoPayload(tag.body)
  if (kind !== 'key_frame' && kind !== 'frame') return null
  // CompositionTime of an AVC tag: SI24 (FLV 10.1 §E.4.3.1).
  const offsetMs = codec === 'h264' && tag.body.length >= 5 ? tag.body.readIntBE(2, 3) : 0
  return { dtsMs: tag.timestampMs, ptsMs: Math.max(0, tag.timestampMs + offsetMs), isKey: kind === 'key_frame' }
}
