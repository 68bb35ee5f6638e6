import { aacCodecString, avcCodecString, hevcCodecString } from '../../media/mp4/codec-strings.ts'

/** RFC 6381 codec strings of the streams in an MPEG-2 transport stream; `null` where there is no stream of the kind. */
export type StreamCodecs = { readonly video: string | null; readonly audio: string | null }

const PACKET_BYTES = 188
const SYNC_BYTE = 0x47

/** PID of the program association table (ISO/IEC 13818-1 table 2-3). */
const PROGRAM_ASSOCIATION_PID = 0

/** Stream types of a program map (ISO/IEC 13818-1 table 2-34). */
const AAC = 0x0f
const H264 = 0x1b
const H265 = 0x24

/** NAL unit types of a sequence parameter set. */
const H264_SPS = 7
const H265_SPS = 33

/**
 * Reads the codecs of a segment from its own data: from the sequence parameter set of video, and the ADTS header of audio.
 * @throws RangeError where these are missing
 */
export function readStreamCodecs(segment: Buffer): StreamCodecs {
  const packets = parsePackets(segment)
  const mapPid = readProgramMapPid(findSection(packets, PROGRAM_ASSOCIATION_PID))
  const codecs: { video: string | null; audio: string | null } = { video: null, audio: null }
  for (const { type, pid } of readProgramMap(findSection(packets, mapPid))) {
    if (type === AAC) codecs.audio = readAdtsCodec(findFirstPayload(packets, pid))
    else if (type === H264)
      codecs.video = avcCodecString(findNal(findFirstPayload(packets, pid), isH264Sps).subarray(1))
    else if (type === H265)
      codecs.video = hevcCodecString(findNal(findFirstPayload(packets, pid), isH265Sps).subarray(3))
    else throw new RangeError(`has a stream of type ${type}, which no preset produces`)
  }
  return codecs
}

type TransportPacket = { readonly pid: number; readonly isStart: boolean; readonly payload: Buffer }

function parsePackets(bytes: Buffer): TransportPacket[] {
  return Array.from({ length: Math.floor(bytes.length / PACKET_BYTES) }, (_, index) => {
    const packet = bytes.subarray(index * PACKET_BYTES, (index + 1) * PACKET_BYTES)
    if (packet[0] !== SYNC_BYTE) throw new RangeError('is not an MPEG-2 transport stream')
    const flagsAndPid = packet.readUInt16BE(1)
    const hasAdaptationField = (packet.readUInt8(3) & 0x20) !== 0
    const payload = packet.subarray(hasAdaptationField ? 5 + packet.readUInt8(4) : 4)
    return { pid: flagsAndPid & 0x1fff, isStart: (flagsAndPid & 0x4000) !== 0, payload }
  })
}

/** Returns the first section of a PID, without its checksum. Sections of a single program fit into one packet. */
function findSection(packets: readonly TransportPacket[], pid: number): Buffer {
  const packet = packets.find((candidate) => candidate.pid === pid && candidate.isStart)
  if (packet === undefined) throw new RangeError('has no program')
  const section = packet.payload.subarray(1 + packet.payload.readUInt8(0))
  return section.subarray(0, (section.readUInt16BE(1) & 0xfff) - 1)
}

function readProgramMapPid(section: Buffer): number {
  return section.readUInt16BE(10) & 0x1fff
}

function readProgramMap(section: Buffer): { type: number; pid: number }[] {
  const streams: { type: number; pid: number }[] = []
  for (let at = 12 + (section.readUInt16BE(10) & 0xfff); at < section.length;) {
    streams.push({ type: section.readUInt8(at), pid: section.readUInt16BE(at + 1) & 0x1fff })
    at += 5 + (section.readUInt16BE(at + 3) & 0xfff)
  }
  return streams
}

/** Returns the payload of a PID's first PES packet. */
function findFirstPayload(packets: readonly TransportPacket[], pid: number): Buffer {
  const own = packets.filter((packet) => packet.pid === pid)
  const first = own.findIndex(({ isStart }) => isStart)
  if (first === -1) throw new RangeError('has a stream without data')
  const second = own.findIndex(({ isStart }, index) => isStart && index > first)
  const parts = own.slice(first, second === -1 ? own.length : second).map(({ payload }) => payload)
  const pes = Buffer.concat(parts)
  return pes.subarray(9 + pes.readUInt8(8))
}

/** Reads the audio object type, which an ADTS header stores in two bits, decremented (ISO/IEC 14496-3 §1.A.3.2). */
function readAdtsCodec(payload: Buffer): string {
  if ((payload.readUInt16BE(0) & 0xfff6) !== 0xfff0) throw new RangeError('has an audio stream that is not AAC')
  return aacCodecString((payload.readUInt8(2) >> 6) + 1)
}

function isH264Sps(nal: Buffer): boolean {
  return (nal.readUInt8(0) & 0x1f) === H264_SPS
}

function isH265Sps(nal: Buffer): boolean {
  return ((nal.readUInt8(0) >> 1) & 0x3f) === H265_SPS
}

const START_CODE = Buffer.from([0, 0, 1])
/** Number of bytes that contain profile and level of a parameter set. */
const NAL_START_BYTES = 24

/** Returns the first bytes of the first matching NAL unit. */
function findNal(payload: Buffer, matches: (nal: Buffer) => boolean): Buffer {
  for (let at = payload.indexOf(START_CODE); at !== -1; at = payload.indexOf(START_CODE, at + 3)) {
    const nal = payload.subarray(at + 3, at + 3 + NAL_START_BYTES)
    if (matches(nal)) return removeEmulationPrevention(nal)
  }
  throw new RangeError('does not begin with a keyframe')
}

/** Removes the bytes that prevent start codes inside of a NAL unit (H.264 §7.4.1). */
function removeEmulationPrevention(nal: Buffer): Buffer {
  return Buffer.from(nal.filter((byte, at) => !(byte === 3 && at >= 2 && nal[at - 1] === 0 && nal[at - 2] === 0)))
}
