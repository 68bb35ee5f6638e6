/** Writes a WebM stream of VP8 and Opus, by which a program reads both with their times (RFC 9559; RFC 7845 §5.1). */

import type { Vp8Size } from './assemble-vp8.ts'

/** The tracks of a stream. */
export type WebmTracks = { readonly video: Vp8Size | null; readonly hasAudio: boolean }

/** The numbers of the tracks. */
export const WEBM_TRACK = { video: 1, audio: 2 } as const

export type WebmBlock = {
  readonly track: (typeof WEBM_TRACK)[keyof typeof WEBM_TRACK]
  readonly timeMs: number
  readonly isKey: boolean
  readonly data: Buffer
}

const ID = {
  header: 0x1a45dfa3,
  docType: 0x4282,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  track: 0xae,
  number: 0xd7,
  uid: 0x73c5,
  type: 0x83,
  codec: 0x86,
  codecPrivate: 0x63a2,
  video: 0xe0,
  width: 0xb0,
  height: 0xba,
  audio: 0xe1,
  rate: 0xb5,
  channels: 0x9f,
  cluster: 0x1f43b675,
  time: 0xe7,
  simpleBlock: 0xa3,
} as const
const TRACK_TYPE = { video: 1, audio: 2 } as const
const NS_PER_MS = 1_000_000
const OPUS_RATE = 48_000
const OPUS_CHANNELS = 2
/** The size of an element that ends with the stream (RFC 8794 §6.2). */
const UNKNOWN_SIZE = Buffer.from([0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])

/** Returns the beginning of a stream: its header, and its tracks. */
export function composeWebmHeader({ video, hasAudio }: WebmTracks): Buffer {
  return Buffer.concat([
    element(ID.header, [element(ID.docType, [Buffer.from('webm')])]),
    idBytes(ID.segment),
    UNKNOWN_SIZE,
    element(ID.info, [whole(ID.timestampScale, NS_PER_MS)]),
    element(ID.tracks, [...(video === null ? [] : [videoTrack(video)]), ...(hasAudio ? [audioTrack()] : [])]),
  ])
}

/** Returns a frame with its time, as a cluster of its own. */
export function composeWebmBlock({ track, timeMs, isKey, data }: WebmBlock): Buffer {
  const head = Buffer.from([0x80 | track, 0, 0, isKey ? 0x80 : 0])
  return element(ID.cluster, [whole(ID.time, timeMs), element(ID.simpleBlock, [head, data])])
}

function videoTrack({ width, height }: Vp8Size): Buffer {
  return element(ID.track, [
    ...trackFields(WEBM_TRACK.video, TRACK_TYPE.video, 'V_VP8'),
    element(ID.video, [whole(ID.width, width), whole(ID.height, height)]),
  ])
}

function audioTrack(): Buffer {
  const rate = Buffer.alloc(8)
  rate.writeDoubleBE(OPUS_RATE)
  return element(ID.track, [
    ...trackFields(WEBM_TRACK.audio, TRACK_TYPE.audio, 'A_OPUS'),
    element(ID.codecPrivate, [composeOpusHead()]),
    element(ID.audio, [element(ID.rate, [rate]), whole(ID.channels, OPUS_CHANNELS)]),
  ])
}

function trackFields(number: number, type: number, codec: string): readonly Buffer[] {
  return [
    whole(ID.number, number),
    whole(ID.uid, number),
    whole(ID.type, type),
    element(ID.codec, [Buffer.from(codec)]),
  ]
}

/** Returns the identification header of Opus, with nothing to skip (RFC 7845 §5.1). */
function composeOpusHead(): Buffer {
  const head = Buffer.alloc(19)
  head.write('OpusHead', 'latin1')
  head[8] = 1
  head[9] = OPUS_CHANNELS
  head.writeUInt32LE(OPUS_RATE, 12)
  return head
}

function element(id: number, content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  const size = Buffer.alloc(4)
  // A size of four bytes begins with 0001 (RFC 8794 §6).
  size.writeUInt32BE(0x10000000 | body.length)
  return Buffer.concat([idBytes(id), size, body])
}

function whole(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return element(id, [bytes])
}

function idBytes(id: number): Buffer {
  const hex = id.toString(16)
  return Buffer.from(hex, 'hex')
}
