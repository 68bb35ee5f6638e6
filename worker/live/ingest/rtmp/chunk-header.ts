import { RtmpError } from './rtmp-error.ts'

/** The header of a chunk (RTMP 1.0 §5.3.1). Fields that its format leaves out are `null`. */
export type ChunkHeader = {
  readonly format: number
  readonly chunkStreamId: number
  /** Absolute in format 0, otherwise a difference; the extended timestamp where there is one. */
  readonly time: number | null
  readonly isExtended: boolean
  readonly length: number | null
  readonly type: number | null
  readonly streamId: number | null
  /** Size of this header. */
  readonly bytes: number
}

/** The value of the timestamp field that announces an extended timestamp (RTMP 1.0 §5.3.1.3). */
export const EXTENDED_TIME = 0xffffff

/** Sizes of the message headers of formats 0 to 3. */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const

/**
 * Reads a chunk's header without a type 3 chunk's extended timestamp, which depends on the chunk before it. Returns
 * `null` where bytes are missing.
 */
export function readChunkHeader(bytes: Buffer, offset: number): ChunkHeader | null {
  const first = bytes[offset]
  if (first === undefined) return null
  const basicBytes = measureBasicHeader(first)
  const format = first >> 6
  const messageBytes = MESSAGE_HEADER_BYTES[format] ?? 0
  const at = offset + basicBytes
  if (bytes.length - at < messageBytes) return null
  const time = readTime(bytes, at, messageBytes)
  if (time === null) return null
  return {
    format,
    chunkStreamId: readChunkStreamId(bytes, offset, basicBytes),
    ...time,
    length: messageBytes >= 7 ? bytes.readUIntBE(at + 3, 3) : null,
    type: messageBytes >= 7 ? bytes.readUInt8(at + 6) : null,
    streamId: messageBytes === 11 ? bytes.readUInt32LE(at + 7) : null,
    bytes: basicBytes + messageBytes + (time.isExtended ? 4 : 0),
  }
}

/** Reads the time of a message header, with its extended timestamp; `null` where that is missing. */
function readTime(
  bytes: Buffer,
  at: number,
  messageBytes: number,
): { readonly time: number | null; readonly isExtended: boolean } | null {
  if (messageBytes === 0) return { time: null, isExtended: false }
  const time = bytes.readUIntBE(at, 3)
  if (time < EXTENDED_TIME) return { time, isExtended: false }
  if (bytes.length - at < messageBytes + 4) return null
  return { time: bytes.readUInt32BE(at + messageBytes), isExtended: true }
}

/** Returns the size of a basic header by its first byte (RTMP 1.0 §5.3.1.1). */
function measureBasicHeader(first: number): 1 | 2 | 3 {
  const id = first & 0x3f
  if (id === 0) return 2
  return id === 1 ? 3 : 1
}

function readChunkStreamId(bytes: Buffer, offset: number, basicBytes: 1 | 2 | 3): number {
  if (basicBytes === 1) return (bytes[offset] ?? 0) & 0x3f
  return 64 + (bytes[offset + 1] ?? 0) + (basicBytes === 3 ? (bytes[offset + 2] ?? 0) * 256 : 0)
}

/**
 * Returns the basic header of a chunk in its shortest form.
 * @throws RtmpError where the chunk stream's id is not from 2 to 65,599
 */
export function encodeBasicHeader(format: number, chunkStreamId: number): Buffer {
  if (chunkStreamId < 2 || chunkStreamId > 65_599) throw new RtmpError(`there is no chunk stream ${chunkStreamId}`)
  const high = format << 6
  if (chunkStreamId < 64) return Buffer.from([high | chunkStreamId])
  const rest = chunkStreamId - 64
  return rest < 256 ? Buffer.from([high, rest]) : Buffer.from([high | 1, rest & 0xff, rest >> 8])
}
