import { createFormat } from '../../media/demux/media-packet.ts'
import { writeMatroskaBlocks, writeMatroskaStart, type MatroskaTrack } from '../../media/matroska.ts'
import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isConfiguration, readTagPayload } from '../flv/tag-payload.ts'
import type { SourceStart } from './collect-start.ts'

/** Codecs by their names in Matroska ("Matroska Media Container Codec Specifications", IETF CELLAR). */
const CODEC_IDS: Readonly<Record<string, string>> = {
  h264: 'V_MPEG4/ISO/AVC',
  hevc: 'V_MPEGH/ISO/HEVC',
  av1: 'V_AV1',
  aac: 'A_AAC',
  opus: 'A_OPUS',
}

/** A feed: its beginning, and tags on its clock; nothing of a tag without a frame. */
type MatroskaFeed = { readonly header: Buffer; readonly encode: (tag: FlvTag) => Buffer }

/**
 * Creates a feed in Matroska: the configurations of FLV and Enhanced RTMP are those of Matroska, and so are the frames.
 * `zeroMs`: where the feed's clock begins, in ms of the session.
 */
export function createMatroskaFeed({ tags, hasAudio }: SourceStart, zeroMs: number): MatroskaFeed {
  const kinds = hasAudio ? (['picture', 'sound'] as const) : (['picture'] as const)
  const tracks = kinds.map((kind) => describeTrack(kind, tags))
  return {
    header: writeMatroskaStart(tracks),
    encode(tag) {
      const track = 1 + kinds.findIndex((kind) => typeOf(kind) === tag.type)
      const payload = readTagPayload(tag)
      if (payload === null || track === 0 || (payload.kind !== 'key_frame' && payload.kind !== 'frame'))
        return Buffer.alloc(0)
      const ms = Math.max(0, tag.timestampMs + payload.offsetMs - zeroMs)
      const bytes = tag.body.subarray(payload.data)
      return writeMatroskaBlocks([{ track, ms, isKey: payload.kind === 'key_frame', bytes }])
    },
  }
}

function describeTrack(kind: MatroskaTrack['kind'], tags: readonly FlvTag[]): MatroskaTrack {
  const own = tags.filter(({ type }) => type === typeOf(kind))
  const header = own.find(isConfiguration)
  const [payload = null] = (header === undefined ? own : [header]).map(readTagPayload)
  const codec = payload?.codec ?? ''
  const configuration = header?.body.subarray(payload?.data) ?? null
  const matroska = { codecId: CODEC_IDS[codec] ?? '', configuration }
  return { kind, format: createFormat({ codec, key: codec, matroska }) }
}

function typeOf(kind: MatroskaTrack['kind']): number {
  return kind === 'picture' ? TAG_TYPE.video : TAG_TYPE.audio
}
