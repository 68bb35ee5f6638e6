import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readVideoPayload } from '../flv/media-payload.ts'

/** A video frame of an FLV tag; times are in ms of the session. */
export type TaggedFrame = { readonly ptsMs: number; readonly dtsMs: number; readonly isKey: boolean }

/** Returns the frame of a video tag; `null` of every other tag. */
export function readTaggedFrame(tag: FlvTag): TaggedFrame | null {
  if (tag.type !== TAG_TYPE.video) return null
  const { kind, offsetMs } = readVideoPayload(tag.body)
  if (kind !== 'key_frame' && kind !== 'frame') return null
  return { dtsMs: tag.timestampMs, ptsMs: Math.max(0, tag.timestampMs + offsetMs), isKey: kind === 'key_frame' }
}
