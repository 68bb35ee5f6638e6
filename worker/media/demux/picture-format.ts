import type { AccessUnit, PictureCodec } from './access-units.ts'
import { createBitReader, type BitReader } from './bit-reader.ts'
import { type PictureSize, readH264ParameterSetSize, removeEmulationPrevention } from './h264-size.ts'
import { createFormat, inBand, type TrackFormat } from './media-packet.ts'

const CODEC_ID = { h264: 'V_MPEG4/ISO/AVC', hevc: 'V_MPEGH/ISO/HEVC', mpeg2video: 'V_MPEG2' } as const
const START_CODE = Buffer.from([0, 0, 0, 1])

/**
 * Returns the format of an access unit: that before it, unless the unit brings other parameters of the sequence. A
 * stream whose parameters are unknown has the size 0.
 */
export function formatOfAccessUnit(
  { codec, pid }: { readonly codec: PictureCodec; readonly pid: number },
  { sequence, parameters }: AccessUnit,
  before: TrackFormat | null,
): TrackFormat {
  const prefix = `${codec}:${pid}:`
  const [first] = sequence
  const isKnown = before?.key.startsWith(prefix) === true
  if (first === undefined) {
    return isKnown ? before : createFormat({ codec, key: prefix, matroska: inBand(CODEC_ID[codec]) })
  }
  const key = prefix + Buffer.concat(sequence).toString('base64')
  if (before?.key === key) return before
  // Decoders of H.264 and H.265 take parameter sets with start codes as their configuration.
  const units = codec === 'mpeg2video' ? [] : [...parameters, ...sequence].flatMap((unit) => [START_CODE, unit])
  const configuration = units.length === 0 ? null : Buffer.concat(units)
  return createFormat({ codec, key, matroska: { codecId: CODEC_ID[codec], configuration }, ...readSize(codec, first) })
}

function readSize(codec: PictureCodec, unit: Buffer): PictureSize | null {
  if (codec === 'h264') return readH264ParameterSetSize(unit)
  if (codec === 'hevc') return readHevcSize(unit)
  // Twelve bits each after the start code (ISO/IEC 13818-2 §6.2.2.1).
  return unit.length < 4 ? null : { width: unit.readUInt16BE(1) >> 4, height: unit.readUInt16BE(2) & 0xfff }
}

/** Reads a sequence parameter set of H.265 up to the picture's size (ITU-T H.265 §7.3.2.2.1). */
function readHevcSize(unit: Buffer): PictureSize {
  const bits = createBitReader(removeEmulationPrevention(unit.subarray(2)))
  bits.readBits(4)
  const subLayers = bits.readBits(3)
  bits.readBits(1)
  skipProfileTierLevel(bits, subLayers)
  bits.readUnsigned()
  if (bits.readUnsigned() === 3) bits.readBits(1)
  return { width: bits.readUnsigned(), height: bits.readUnsigned() }
}

/** Skips the profile, tier and level of a sequence and of its sub-layers (ITU-T H.265 §7.3.3). */
function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
  bits.readBits(88)
  bits.readBits(8)
  const present = Array.from({ length: subLayers }, () => [bits.readBits(1) === 1, bits.readBits(1) === 1])
  if (subLayers > 0) bits.readBits(2 * (8 - subLayers))
  for (const [profile, level] of present) {
    if (profile === true) bits.readBits(88)
    if (level === true) bits.readBits(8)
  }
}
