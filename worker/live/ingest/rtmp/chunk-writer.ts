import { encodeBasicHeader, EXTENDED_TIME } from './chunk-header.ts'
import type { RtmpMessage } from './rtmp-message.ts'

/**
 * Returns the chunks of a message on a chunk stream: a chunk of format 0, then chunks of format 3 (RTMP 1.0 §5.3.1), with
 * at most `chunkBytes` of payload each.
 * @throws RtmpError where there is no such chunk stream
 */
export function encodeChunks(message: RtmpMessage, chunkStreamId: number, chunkBytes: number): Buffer {
  const { timestamp, body } = message
  const extended = timestamp >= EXTENDED_TIME ? encodeUint32(timestamp) : null
  const parts = [encodeBasicHeader(0, chunkStreamId), encodeMessageHeader(message), ...(extended ? [extended] : [])]
  for (let offset = 0; offset < body.length; offset += chunkBytes) {
    if (offset > 0) parts.push(encodeBasicHeader(3, chunkStreamId), ...(extended ? [extended] : []))
    parts.push(body.subarray(offset, offset + chunkBytes))
  }
  return Buffer.concat(parts)
}

/** Returns a message header of format 0 (RTMP 1.0 §5.3.1.2.1). */
function encodeMessageHeader({ type, streamId, timestamp, body }: RtmpMessage): Buffer {
  const header = Buffer.alloc(11)
  header.writeUIntBE(Math.min(timestamp, EXTENDED_TIME), 0, 3)
  header.writeUIntBE(body.length, 3, 3)
  header[6] = type
  header.writeUInt32LE(streamId, 7)
  return header
}

/** Returns a number as four bytes, the highest first. */
export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
