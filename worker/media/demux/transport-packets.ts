const PACKET_BYTES = 188
const SYNC_BYTE = 0x47
/** Distances of sync bytes: plain, with a time code before each packet (M2TS), with a checksum after it. */
const STRIDES = [188, 192, 204] as const
/** Packets in a row that make a transport stream; a segment may be shorter if it begins with one. */
const MIN_PACKETS = 5
/** Bytes before the first packet that are skipped. ffmpeg's probe reads no more either. */
const MAX_JUNK_BYTES = 64 * 1024

export type StreamPacket = {
  readonly pid: number
  readonly isStart: boolean
  readonly isScrambled: boolean
  /** The continuity counter; `null` of a packet without payload. */
  readonly counter: number | null
  readonly payload: Buffer
}

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

/** Calls back for each packet of a stream. Bytes out of step are skipped up to the next packet. */
export function readTransportPackets(bytes: Buffer, onPacket: (packet: StreamPacket) => void): { isCut: boolean } {
  let at = findTransportStream(bytes) ?? bytes.length
  while (at + PACKET_BYTES <= bytes.length) {
    if (bytes[at] === SYNC_BYTE) {
      onPacket(parsePacket(bytes.subarray(at, at + PACKET_BYTES)))
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

function parsePacket(packet: Buffer): StreamPacket {
  const flagsAndPid = packet.readUInt16BE(1)
  const control = packet.readUInt8(3)
  const hasAdaptation = (control & 0x20) !== 0
  const hasPayload = (control & 0x10) !== 0
  return {
    pid: flagsAndPid & 0x1fff,
    isStart: (flagsAndPid & 0x4000) !== 0,
    isScrambled: (control & 0xc0) !== 0,
    counter: hasPayload ? control & 0xf : null,
    payload: hasPayload ? packet.subarray(hasAdaptation ? 5 + packet.readUInt8(4) : 4) : packet.subarray(PACKET_BYTES),
  }
}
