/** A packet of RTP (RFC 3550 §5.1), without its extensions and padding. */
export type RtpPacket = {
  readonly payloadType: number
  readonly sequence: number
  /** In units of the track's clock, unsigned, of 32 bits. */
  readonly timestamp: number
  readonly ssrc: number
  /** The last packet of a frame of video. */
  readonly isMarked: boolean
  readonly payload: Buffer
}

const FIXED_HEADER_BYTES = 12
const VERSION = 2

/** Returns whether bytes are RTCP rather than RTP, where both share a port (RFC 5761 §4). */
export function isRtcp(bytes: Buffer): boolean {
  const type = bytes[1] ?? 0
  return type >= 192 && type <= 223
}

/** Parses a packet of RTP; `null` where it is none. The payload shares memory with the packet. */
export function readRtpPacket(bytes: Buffer): RtpPacket | null {
  const first = bytes[0] ?? 0
  if (bytes.length < FIXED_HEADER_BYTES || first >> 6 !== VERSION) return null
  const start = findPayloadStart(bytes, first)
  const padding = (first & 0x20) === 0 ? 0 : (bytes.at(-1) ?? 0)
  const end = bytes.length - padding
  if (start > end) return null
  const second = bytes[1] ?? 0
  return {
    payloadType: second & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    isMarked: (second & 0x80) !== 0,
    payload: bytes.subarray(start, end),
  }
}

/** Returns where the payload begins: after the contributing sources and the extension (RFC 3550 §5.3.1). */
function findPayloadStart(bytes: Buffer, first: number): number {
  const fixed = FIXED_HEADER_BYTES + 4 * (first & 0x0f)
  if ((first & 0x10) === 0) return fixed
  if (bytes.length < fixed + 4) return Number.POSITIVE_INFINITY
  return fixed + 4 + 4 * bytes.readUInt16BE(fixed + 2)
}
