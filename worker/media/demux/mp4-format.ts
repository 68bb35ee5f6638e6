import { findBoxBody, parseWholeBoxes } from '../mp4/boxes.ts'
import { createFormat, inBand, type TrackFormat } from './media-packet.ts'

/** A track's codec as Matroska names it. */
type CodecInput = NonNullable<TrackFormat['matroska']>

/** Sizes of the fields of a sample entry that precede its boxes (ISO/IEC 14496-12 §12.1.3 and §12.2.3). */
const VISUAL_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28
/** Further fields of QuickTime's sound entries of versions 1 and 2. */
const QUICKTIME_SOUND_BYTES = [0, 16, 36]

const PICTURE_BOXES: ReadonlyMap<string, readonly [codec: string, codecId: string, box: string | null]> = new Map([
  ['avc1', ['h264', 'V_MPEG4/ISO/AVC', 'avcC']],
  ['avc3', ['h264', 'V_MPEG4/ISO/AVC', 'avcC']],
  ['hvc1', ['hevc', 'V_MPEGH/ISO/HEVC', 'hvcC']],
  ['hev1', ['hevc', 'V_MPEGH/ISO/HEVC', 'hvcC']],
  ['dvh1', ['hevc', 'V_MPEGH/ISO/HEVC', 'hvcC']],
  ['dvhe', ['hevc', 'V_MPEGH/ISO/HEVC', 'hvcC']],
  ['av01', ['av1', 'V_AV1', 'av1C']],
  ['vp09', ['vp9', 'V_VP9', null]],
  ['vp08', ['vp8', 'V_VP8', null]],
])

/** Object type indications of an esds box (ISO/IEC 14496-1 table 5, and the MP4 registration authority). */
const OBJECT_TYPES: ReadonlyMap<number, readonly [codec: string, codecId: string]> = new Map([
  [0x20, ['mpeg4', 'V_MPEG4/ISO/ASP']],
  [0x40, ['aac', 'A_AAC']],
  [0x60, ['mpeg2video', 'V_MPEG2']],
  [0x61, ['mpeg2video', 'V_MPEG2']],
  [0x66, ['aac', 'A_AAC']],
  [0x67, ['aac', 'A_AAC']],
  [0x68, ['aac', 'A_AAC']],
  [0x69, ['mp3', 'A_MPEG/L3']],
  [0x6a, ['mpeg1video', 'V_MPEG1']],
  [0x6b, ['mp3', 'A_MPEG/L3']],
  [0xa5, ['ac3', 'A_AC3']],
  [0xa6, ['eac3', 'A_EAC3']],
])

/** Sound entries that need no configuration. */
const PLAIN_SOUNDS: ReadonlyMap<string, readonly [codec: string, codecId: string]> = new Map([
  ['ac-3', ['ac3', 'A_AC3']],
  ['ec-3', ['eac3', 'A_EAC3']],
  ['.mp3', ['mp3', 'A_MPEG/L3']],
  ['dtsc', ['dts', 'A_DTS']],
  ['dtse', ['dts', 'A_DTS']],
  ['dtsh', ['dts', 'A_DTS']],
  ['dtsl', ['dts', 'A_DTS']],
])

/** Returns the format of a track by the first sample entry of its stsd box; its codec is named if it has no decoder. */
export function readTrackFormat(stsd: Buffer, trackId: number, isPicture: boolean): TrackFormat | null {
  const [entry] = parseWholeBoxes(stsd.subarray(8))
  if (entry === undefined) return null
  const { type, body } = entry
  const found = isPicture ? identifyPicture(type, body) : identifySound(type, body)
  const codec = found?.codec ?? describeUnknown(type, body, isPicture)
  const matroska = found?.matroska ?? null
  const key = `${codec}:${trackId}:${body.toString('base64')}`
  if (isPicture) {
    return createFormat({ codec, key, matroska, width: body.readUInt16BE(24), height: body.readUInt16BE(26) })
  }
  return createFormat({ codec, key, matroska, channels: body.readUInt16BE(16), sampleRate: body.readUInt16BE(24) })
}

type Identified = { readonly codec: string; readonly matroska: CodecInput }

function identifyPicture(type: string, body: Buffer): Identified | null {
  const boxes = body.subarray(VISUAL_ENTRY_BYTES)
  if (type === 'mp4v') return identifyObject(boxes)
  const [codec, codecId, box] = PICTURE_BOXES.get(type) ?? []
  if (codec === undefined || codecId === undefined) return null
  const configuration = box === null || box === undefined ? null : findBoxBody(boxes, box)
  return box !== null && configuration === null ? null : { codec, matroska: { codecId, configuration } }
}

function identifySound(type: string, body: Buffer): Identified | null {
  const boxes = body.subarray(AUDIO_ENTRY_BYTES + (QUICKTIME_SOUND_BYTES[body.readUInt16BE(8)] ?? 0))
  const plain = PLAIN_SOUNDS.get(type)
  if (plain !== undefined) return { codec: plain[0], matroska: inBand(plain[1]) }
  if (type === 'mp4a') return identifyObject(boxes)
  const configuration = readConfiguration(type, boxes)
  return configuration === null ? null : configuration
}

function readConfiguration(type: string, boxes: Buffer): Identified | null {
  if (type === 'Opus') {
    const opus = findBoxBody(boxes, 'dOps')
    return opus === null ? null : { codec: 'opus', matroska: { codecId: 'A_OPUS', configuration: toOpusHead(opus) } }
  }
  if (type === 'fLaC') {
    const blocks = findBoxBody(boxes, 'dfLa')
    if (blocks === null) return null
    const configuration = Buffer.concat([Buffer.from('fLaC'), blocks.subarray(4)])
    return { codec: 'flac', matroska: { codecId: 'A_FLAC', configuration } }
  }
  if (type === 'alac') {
    const cookie = findBoxBody(boxes, 'alac')
    return cookie === null
      ? null
      : { codec: 'alac', matroska: { codecId: 'A_ALAC', configuration: cookie.subarray(4) } }
  }
  return null
}

/** Converts a dOps box to the header of Opus (RFC 7845 §5.1), whose numbers are little-endian. */
function toOpusHead(box: Buffer): Buffer {
  const head = Buffer.concat([Buffer.from('OpusHead\x01', 'latin1'), box.subarray(1)])
  head.writeUInt16LE(box.readUInt16BE(2), 10)
  head.writeUInt32LE(box.readUInt32BE(4), 12)
  head.writeInt16LE(box.readInt16BE(8), 16)
  return head
}

/** Identifies the codec by an esds box (ISO/IEC 14496-1 §7.2.6). */
function identifyObject(boxes: Buffer): Identified | null {
  const esds = findBoxBody(boxes, 'esds')
  const stream = esds === null ? null : findDescriptor(esds.subarray(4), 3, 3)
  const config = stream === null ? null : findDescriptor(stream, 4, 0)
  if (config === null) return null
  const [codec, codecId] = OBJECT_TYPES.get(config[0] ?? 0) ?? []
  if (codec === undefined || codecId === undefined) return null
  return { codec, matroska: { codecId, configuration: findDescriptor(config.subarray(13), 5, 0) } }
}

/** Returns a descriptor's content after `skipped` bytes; `null` if the bytes do not begin with one of this tag. */
function findDescriptor(bytes: Buffer, tag: number, skipped: number): Buffer | null {
  if (bytes[0] !== tag) return null
  // The length has seven bits per byte; the eighth bit is set in all bytes but the last.
  const end = bytes.findIndex((byte, at) => at > 0 && byte < 0x80)
  if (end === -1) return null
  const length = bytes.subarray(1, end + 1).reduce((sum, byte) => (sum << 7) | (byte & 0x7f), 0)
  return bytes.subarray(end + 1 + skipped, end + 1 + length)
}

/** Returns the name of a codec without a decoder; an encrypted entry names its original format (§8.12.2). */
function describeUnknown(type: string, body: Buffer, isPicture: boolean): string {
  const name = type.replaceAll(/[^\w.-]/g, '').slice(0, 4) || 'unknown'
  if (name !== 'encv' && name !== 'enca') return name
  const boxes = body.subarray(isPicture ? VISUAL_ENTRY_BYTES : AUDIO_ENTRY_BYTES)
  const original = findBoxBody(boxes, 'sinf', 'frma')?.toString('latin1', 0, 4) ?? ''
  return `encrypted ${original.replaceAll(/[^\w.-]/g, '')}`.trim()
}
