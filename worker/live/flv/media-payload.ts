/**
 * What the body of an audio or video tag holds: FLV 10.1 §E.4.2.1 and §E.4.3.1, and the enhanced headers of Enhanced
 * RTMP v2 ("Enhanced Audio", "Enhanced Video"), by which a FourCC names the codec.
 */

/**
 * `header`: the decoder's configuration. `key_frame`: a frame that needs no other, also each audio frame. `frame`: any
 * other frame. `extra`: neither, such as an end of sequence or colour metadata. `empty`: nothing.
 */
export type MediaPayloadKind = 'header' | 'key_frame' | 'frame' | 'extra' | 'empty'

/**
 * `codec`: `h264`, `hevc`, `av1`, `aac`, `opus`, or the name of a codec of no use here. `data`: offset of the codec's own
 * bytes. `offsetMs`: by how much it is presented after it is decoded.
 */
export type MediaPayload = {
  readonly codec: string
  readonly kind: MediaPayloadKind
  readonly data: number
  readonly offsetMs: number
}

const VIDEO_CODECS: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen Video',
  4: 'VP6',
  5: 'VP6 with alpha',
  6: 'Screen Video 2',
  7: 'h264',
}
const AUDIO_CODECS: Readonly<Record<number, string>> = {
  0: 'PCM',
  1: 'ADPCM',
  2: 'MP3',
  3: 'PCM',
  4: 'Nellymoser',
  5: 'Nellymoser',
  6: 'Nellymoser',
  7: 'G.711',
  8: 'G.711',
  10: 'aac',
  11: 'Speex',
  14: 'MP3',
}
const FOURCC_CODECS: Readonly<Record<string, string>> = {
  avc1: 'h264',
  hvc1: 'hevc',
  av01: 'av1',
  vp08: 'VP8',
  vp09: 'VP9',
  vvc1: 'VVC',
  mp4a: 'aac',
  Opus: 'opus',
  fLaC: 'FLAC',
  '.mp3': 'MP3',
  'ac-3': 'AC-3',
  'ec-3': 'E-AC-3',
}

const EMPTY: MediaPayload = { codec: '', kind: 'empty', data: 0, offsetMs: 0 }
/** A composition time: SI24 (FLV 10.1 §E.4.3.1). */
const TIME_BYTES = 3
const KEY_FRAME = 1
const COMMAND_FRAME = 5
const AVC = 7
const AAC = 10
const ENHANCED_AUDIO = 9
/** Codecs whose frames of type CodedFrames begin with a composition time of three bytes. */
const WITH_COMPOSITION_TIME: ReadonlySet<string> = new Set(['h264', 'hevc', 'VVC'])
/** Packet types of Enhanced RTMP that audio and video share. */
const PACKET = { sequenceStart: 0, codedFrames: 1, sequenceEnd: 2, codedFramesX: 3, metadata: 4, modEx: 7 } as const
const VIDEO_MULTITRACK = 6
const AUDIO_MULTITRACK = 5

/** Describes the body of a video tag (FLV 10.1 §E.4.3.1; Enhanced RTMP v2, "Enhanced Video"). */
export function readVideoPayload(body: Buffer): MediaPayload {
  const first = body[0]
  if (first === undefined) return EMPTY
  if ((first & 0x80) !== 0) return readEnhancedVideo(body, first)
  const frameType = first >> 4
  const id = first & 0x0f
  const codec = VIDEO_CODECS[id] ?? `video codec ${id}`
  if (frameType === COMMAND_FRAME) return { codec, kind: 'extra', data: 1, offsetMs: 0 }
  const frameKind = frameType === KEY_FRAME ? 'key_frame' : 'frame'
  if (id !== AVC) return { codec, kind: frameKind, data: 1, offsetMs: 0 }
  if (body.length <= 5 && body[1] === 1) return EMPTY
  return { codec, kind: chooseAvcKind(body[1], frameKind), data: 5, offsetMs: readTime(body, 2) }
}

function chooseAvcKind(packetType: number | undefined, frameKind: MediaPayloadKind): MediaPayloadKind {
  if (packetType === 0) return 'header'
  return packetType === 1 ? frameKind : 'extra'
}

/** Describes the body of an audio tag (FLV 10.1 §E.4.2.1; Enhanced RTMP v2, "Enhanced Audio"). */
export function readAudioPayload(body: Buffer): MediaPayload {
  const first = body[0]
  if (first === undefined) return EMPTY
  const format = first >> 4
  if (format === ENHANCED_AUDIO) return readEnhancedAudio(body, first)
  const codec = AUDIO_CODECS[format] ?? `audio codec ${format}`
  if (format !== AAC) return { codec, kind: 'key_frame', data: 1, offsetMs: 0 }
  if (body.length <= 2) return EMPTY
  return { codec, kind: body[1] === 0 ? 'header' : 'key_frame', data: 2, offsetMs: 0 }
}

function readEnhancedVideo(body: Buffer, first: number): MediaPayload {
  const frameType = (first >> 4) & 7
  const { packetType, offset } = skipModifiers(body, first & 0x0f)
  if (packetType === VIDEO_MULTITRACK) return { codec: 'multitrack video', kind: 'frame', data: offset, offsetMs: 0 }
  if (frameType === COMMAND_FRAME && packetType !== PACKET.metadata) {
    return { codec: '', kind: 'extra', data: offset, offsetMs: 0 }
  }
  const { codec, data } = readFourCc(body, offset)
  const kind = choosePacketKind(packetType, frameType === KEY_FRAME ? 'key_frame' : 'frame')
  const hasTime = packetType === PACKET.codedFrames && WITH_COMPOSITION_TIME.has(codec)
  return hasTime
    ? { codec, kind, data: data + TIME_BYTES, offsetMs: readTime(body, data) }
    : { codec, kind, data, offsetMs: 0 }
}

function readEnhancedAudio(body: Buffer, first: number): MediaPayload {
  const { packetType, offset } = skipModifiers(body, first & 0x0f)
  if (packetType === AUDIO_MULTITRACK) return { codec: 'multitrack audio', kind: 'frame', data: offset, offsetMs: 0 }
  const { codec, data } = readFourCc(body, offset)
  return { codec, kind: choosePacketKind(packetType, 'key_frame'), data, offsetMs: 0 }
}

/** Returns whether a body has an enhanced header, by which a FourCC names the codec. */
export function isEnhanced(track: 'audio' | 'video', body: Buffer): boolean {
  const first = body[0] ?? 0
  return track === 'audio' ? first >> 4 === ENHANCED_AUDIO : (first & 0x80) !== 0
}

function readTime(body: Buffer, at: number): number {
  return body.length < at + TIME_BYTES ? 0 : body.readIntBE(at, TIME_BYTES)
}

function choosePacketKind(packetType: number, frameKind: MediaPayloadKind): MediaPayloadKind {
  if (packetType === PACKET.sequenceStart) return 'header'
  return packetType === PACKET.codedFrames || packetType === PACKET.codedFramesX ? frameKind : 'extra'
}

/** Skips the modifiers before a packet (Enhanced RTMP v2, "ModEx"): a size, data, and the type of what follows. */
function skipModifiers(body: Buffer, firstType: number): { readonly packetType: number; readonly offset: number } {
  let packetType = firstType
  let offset = 1
  while (packetType === PACKET.modEx && offset < body.length) {
    let size = (body[offset++] ?? 0) + 1
    if (size === 256) {
      size = (body[offset] ?? 0) * 256 + (body[offset + 1] ?? 0) + 1
      offset += 2
    }
    offset += size
    packetType = (body[offset++] ?? 0) & 0x0f
  }
  return { packetType, offset }
}

function readFourCc(body: Buffer, offset: number): { readonly codec: string; readonly data: number } {
  const fourCc = body.toString('latin1', offset, offset + 4)
  const known = Object.hasOwn(FOURCC_CODECS, fourCc) ? FOURCC_CODECS[fourCc] : undefined
  return { codec: known ?? `codec ${JSON.stringify(fourCc)}`, data: offset + 4 }
}
