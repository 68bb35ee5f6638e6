import { aacCodec, avcCodec, hevcCodec } from './codec-strings.ts'

/** RFC 6381 of the streams in an MPEG-2 transport stream; `null`: there is none of that kind. */
export type StreamCodecs = { readonly video: string | null; readonly audio: string | null }

const PACKET_BYTES = 188
const SYNC_BYTE = 0x47

/** Stream types in a program map (ISO/IEC 13818-1 table 2-34). */
const AAC = 0x0f
const H264 = 0x1b
const H265 = 0x24

/** NAL unit types of a sequence parameter set. */
const H264_SPS = 7
const H265_SPS = 33

/**
 * Reads what a segment's streams are from their own first bytes: the sequence parameter set of the picture, the ADTS
 * header of the sound. Throws a `RangeError` where these cannot be found.
 */
export function readStreamCodecs(segment: Buffer): StreamCodecs {
  const packets = packetsOf(segment)
  const mapPid = readMapPid(section(packets, 0))
  const codecs: { video: string | null; audio: string | null } = { video: null, audio: null }
  for (const { type, pid } of readMap(section(packets, mapPid))) {
    if (type === AAC) codecs.audio = readAdts(firstUnit(packets, pid))
    else if (type === H264) codecs.video = avcCodec(findNal(firstUnit(packets, pid), isH264Sps).subarray(1))
    else if (type === H265) codecs.video = hevcCodec(findNal(firstUnit(packets, pid), isH265Sps).subarray(3))
    else throw new RangeError(`has a stream of type ${type}, which no preset makes`)
  }
  return codecs
}

type Packet = { readonly pid: number; readonly isStart: boolean; readonly payload: Buffer }

function packetsOf(bytes: Buffer): Packet[] {
  return Array.from({ length: Math.floor(bytes.length / PACKET_BYTES) }, (_, index) => {
    const packet = bytes.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES)
    if (packet[0] !== SYNC_BYTE) throw new RangeError('is not an MPEG-2 transport stream')
    const word = packet.readUInt16BE(1)
    const hasAdaptation = (packet.readUInt8(3) & 0x20) !== 0
    const payload = packet.subarray(hasAdaptation ? 5 + packet.readUInt8(4) : 4)
    return { pid: word & 0x1fff, isStart: (word & 0x4000) !== 0, payload }
  })
}

/** The first table of a PID, from its table id to before its checksum; those of one program fit into a packet. */
function section(packets: readonly Packet[], pid: number): Buffer {
  const packet = packets.find((candidate) => candidate.pid === pid && candidate.isStart)
  if (packet === undefined) throw new RangeError('has no program')
  const table = packet.payload.subarray(1 + packet.payload.readUInt8(0))
  return table.subarray(0, (table.readUInt16BE(1) & 0xfff) - 1)
}

function readMapPid(table: Buffer): number {
  return table.readUInt16BE(10) & 0x1fff
}

function readMap(table: Buffer): { type: number; pid: number }[] {
  const streams: { type: number; pid: number }[] = []
  for (let at = 12 + (table.readUInt16BE(10) & 0xfff); at < table.length;) {
    streams.push({ type: table.readUInt8(at), pid: table.readUInt16BE(at + 1) & 0x1fff })
    at += 5 + (table.readUInt16BE(at + 3) & 0xfff)
  }
  return streams
}

/** What the first PES packet of a PID carries. */
function firstUnit(packets: readonly Packet[], pid: number): Buffer {
  const own = packets.filter((packet) => packet.pid === pid)
  const first = own.findIndex(({ isStart }) => isStart)
  if (first === -1) throw new RangeError('has a stream without data')
  const after = own.findIndex(({ isStart }, index) => isStart && index > first)
  const parts = own.slice(first, after === -1 ? own.length : after).map(({ payload }) => payload)
  const pes = Buffer.concat(parts)
  return pes.subarray(9 + pes.readUInt8(8))
}

/** Two bits of the ADTS header are the object type less one (ISO/IEC 14496-3 §1.A.3.2). */
function readAdts(unit: Buffer): string {
  if ((unit.readUInt16BE(0) & 0xfff6) !== 0xfff0) throw new RangeError('has sound that is no AAC')
  return aacCodec((unit.readUInt8(2) >> 6) + 1)
}

function isH264Sps(nal: Buffer): boolean {
  return (nal.readUInt8(0) & 0x1f) === H264_SPS
}

function isH265Sps(nal: Buffer): boolean {
  return ((nal.readUInt8(0) >> 1) & 0x3f) === H265_SPS
}

const START_CODE = Buffer.from([0, 0, 1])
/** Of the start of a parameter set so much is read. */
const NAL_START_BYTES = 24

/** The start of the first NAL unit of a kind, without the bytes that keep start codes out of it (H.264 §7.4.1). */
function findNal(unit: Buffer, isWanted: (nal: Buffer) => boolean): Buffer {
  for (let at = unit.indexOf(START_CODE); at !== -1; at = unit.indexOf(START_CODE, at + 3)) {
    const nal = unit.subarray(at + 3, at + 3 + NAL_START_BYTES)
    if (isWanted(nal)) return unescaped(nal)
  }
  throw new RangeError('does not begin with a key frame')
}

function unescaped(nal: Buffer): Buffer {
  return Buffer.from(nal.filter((byte, at) => !(byte === 3 && at >= 2 && nal[at - 1] === 0 && nal[at - 2] === 0)))
}
