const PACKET_BYTES = 188
const SYNC_BYTE = 0x47
/** Distances of sync bytes: plain, with a time code before each packet (M2TS), with a checksum after it. */
const STRIDES = [188, 192, 204] as const
/** Packets in a row that make a transport stream; a segment may be shorter if it begins with one. */
const MIN_PACKETS = 5
/** Bytes before the first packet that are skipped. ffmpeg's probe reads no more either. */
const MAX_JUNK_BYTES = 64 * 1024

/** A packet, and the range of its payload in the segment. */
export type StreamPacket = {
  readonly pid: number
  readonly isStart: boolean
  readonly isScrambled: boolean
  /** The continuity counter; `null` of a packet without payload. */
  readonly counter: number | null
  readonly from: number
  readonly to: number
}

type MutablePacket = { -readonly [Field in keyof StreamPacket]: StreamPacket[Field] }

/**
 * Returns where the first packet begins; `null` if there are not several packets in a row near the start. Two packets
 * before that row count too: other bytes may follow the stream's tables, which are sent once per segment.
 */
export function findTransportStream(bytes: Buffer): number | null {
  let start: number | null = null
  for (let at = bytes.indexOf(SYNC_BYTE); at !== -1 && at <= MAX_JUNK_BYTES; at = bytes.indexOf(SYNC_BYTE, at + 1)) {
    if (STRIDES.some((stride) => isRow(bytes, at, stride))) return start ?? at
    if (start === null && STRIDES.some((stride) => bytes[at + stride] === SYNC_BYTE)) start = at
  }
  return null
}

function isRow(bytes: Buffer, at: number, stride: number): boolean {
  const isLong = at + MIN_PACKETS * stride <= bytes.length
  if ((at > 0 && !isLong) || at + PACKET_BYTES > bytes.length) return false
  for (let i = 1; i < MIN_PACKETS && at + i * stride < bytes.length; i++) {
    if (bytes[at + i * stride] !== SYNC_BYTE) return false
  }
  return true
}

/**
 * Calls back for each packet of a stream. Bytes out of step are skipped up to the next packet. A segment has thousands of
 * packets: all of them are one object, which is valid during the call only.
 */
export function readTransportPackets(bytes: Buffer, onPacket: (packet: StreamPacket) => void): { isCut: boolean } {
  const packet: MutablePacket = { pid: 0, isStart: false, isScrambled: false, counter: null, from: 0, to: 0 }
  let at = findTransportStream(bytes) ?? bytes.length
  while (at + PACKET_BYTES <= bytes.length) {
    if (bytes[at] === SYNC_BYTE) {
      parsePacket(bytes, at, packet)
      onPacket(packet)
      at += PACKET_BYTES
    } else {
      at = resynchronize(bytes, at)
    }
  }
  return { isCut: at < bytes.length && bytes[at] === SYNC_BYTE }
}

/** Returns where the next packet begins that is followed by another one or by the end. */
function resynchronize(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(SYNC_BYTE, from); at !== -1; at = bytes.indexOf(SYNC_BYTE, at + 1)) {
    if (STRIDES.some((stride) => at + stride >= bytes.length || bytes[at + stride] === SYNC_BYTE)) return at
  }
  return bytes.length
}

function parsePacket(bytes: Buffer, at: number, packet: MutablePacket): void {
  const second = bytes[at + 1] ?? 0
  const control = bytes[at + 3] ?? 0
  const hasAdaptation = (control & 0x20) !== 0
  const hasPayload = (control & 0x10) !== 0
  packet.pid = ((second & 0x1f) << 8) | (bytes[at + 2] ?? 0)
  packet.isStart = (second & 0x40) !== 0
  packet.isScrambled = (control & 0xc0) !== 0
  packet.counter = hasPayload ? control & 0xf : null
  packet.to = at + PACKET_BYTES
  const headerBytes = hasAdaptation ? 5 + (bytes[at + 4] ?? 0) : 4
  packet.from = hasPayload ? Math.min(at + headerBytes, packet.to) : packet.to
}
