import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { readAudioPayload, readVideoPayload } from '../flv/media-payload.ts'
import { encodeAmf0 } from '../ingest/rtmp/amf0-writer.ts'
import { MESSAGE_TYPE, type RtmpMessage } from '../ingest/rtmp/rtmp-message.ts'
import type { FeedSession } from './media-feed.ts'

/** Converts the tags of a session to the messages of one publication, which begins with a key frame at time 0. */
export type TargetMedia = {
  /** Returns the messages for a tag: none before the first key frame, and before it what decoders need. */
  take(tag: FlvTag): readonly RtmpMessage[]
  /** Leaves out what follows until the next key frame. */
  skipToKeyFrame(): void
}

/** The message stream is the connection's: see `PublishSession.encode`. */
const STREAM_ID = 0

/** Creates the converter of one publication. */
export function createTargetMedia(session: Pick<FeedSession, 'start' | 'hasVideo'>): TargetMedia {
  let zeroMs: number | null = null
  let lastMs = 0
  let isSkipping = true

  const toMessage = ({ type, body }: FlvTag, timestamp: number): RtmpMessage =>
    type === TAG_TYPE.script
      ? // Servers keep the metadata for those who watch where a client marks it so.
        { type: MESSAGE_TYPE.data, streamId: STREAM_ID, timestamp, body: markAsMetadata(body) }
      : { type, streamId: STREAM_ID, timestamp, body }

  function place(timestampMs: number): number {
    // Sound of the time before the first key frame may follow it.
    const placed = Math.max(0, timestampMs - (zeroMs ?? timestampMs))
    lastMs = Math.max(lastMs, placed)
    return placed % 2 ** 32
  }

  function begin(tag: FlvTag): readonly RtmpMessage[] {
    zeroMs ??= tag.timestampMs
    // After a gap, the source may repeat what was sent before.
    if (tag.timestampMs - zeroMs < lastMs) return []
    isSkipping = false
    const timestamp = place(tag.timestampMs)
    return [...session.start().map((header) => toMessage(header, timestamp)), toMessage(tag, timestamp)]
  }

  return {
    take: (tag) => {
      if (isSkipping) return isStart(tag, session.hasVideo()) ? begin(tag) : []
      return [toMessage(tag, place(tag.timestampMs))]
    },
    skipToKeyFrame: () => {
      isSkipping = true
    },
  }
}

/** Returns whether a publication can begin with a tag: with a key frame, or with any sound where there is no picture. */
function isStart({ type, body }: FlvTag, hasVideo: boolean): boolean {
  if (type === TAG_TYPE.video) return readVideoPayload(body).kind === 'key_frame'
  return type === TAG_TYPE.audio && !hasVideo && readAudioPayload(body).kind === 'key_frame'
}

function markAsMetadata(body: Buffer): Buffer {
  const mark = encodeAmf0('@setDataFrame')
  return body.subarray(0, mark.length).equals(mark) ? body : Buffer.concat([mark, body])
}
