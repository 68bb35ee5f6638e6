import { encodeFlvHeader, encodeFlvTag, TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isEnhanced } from '../flv/media-payload.ts'
import type { EncoderInput } from '../plan/encoder-arguments.ts'
import type { SourceStart } from './collect-start.ts'
import { createMatroskaFeed } from './matroska-feed.ts'
import { readTaggedFrame } from './video-frame.ts'

/** Converts a session's tags to what the encoder reads: its clock begins with the run's first tag. */
export type TagFeed = EncoderInput & {
  readonly header: Buffer
  /** Returns a tag on the feed's clock; nothing where the feed has no place for it. */
  encode(tag: FlvTag): Buffer
}

/**
 * Creates the feed of a run. It is FLV where that says all; ffmpeg reads the codecs of Enhanced RTMP in FLV from release 6.1
 * on (sound: 7.1), and in Matroska from any.
 */
export function createTagFeed(start: SourceStart): TagFeed {
  const { tags, startMs, hasAudio } = start
  const [first] = tags.flatMap((tag) => readTaggedFrame(tag) ?? [])
  const zeroMs = first?.dtsMs ?? startMs
  const startOffsetMs = startMs - zeroMs
  if (tags.some(isEnhancedTag)) return { ...createMatroskaFeed(start, zeroMs), format: 'matroska', startOffsetMs }
  return {
    format: 'flv',
    header: encodeFlvHeader({ hasAudio, hasVideo: true }),
    startOffsetMs,
    // Configurations were received before the first frame.
    encode: (tag) => {
      // ffmpeg would wait for the frames that a configuration announces.
      if (tag.type === TAG_TYPE.audio && !hasAudio) return Buffer.alloc(0)
      return encodeFlvTag({ ...tag, timestampMs: Math.max(0, tag.timestampMs - zeroMs) })
    },
  }
}

function isEnhancedTag({ type, body }: FlvTag): boolean {
  return type !== TAG_TYPE.script && isEnhanced(type === TAG_TYPE.audio ? 'audio' : 'video', body)
}
