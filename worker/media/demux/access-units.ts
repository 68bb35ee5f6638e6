/**
 * Splits an elementary stream of pictures into access units: H.264 (ITU-T H.264 §7.4.1.2.3), H.265 (ITU-T H.265
 * §7.4.2.4.4) and MPEG-1/2 video (ISO/IEC 13818-2 §6.2). The packets of a transport stream need not follow their borders.
 */

import { checkPacketCount } from './packet-limit.ts'

/** The units of a codec, by the bytes after their start code. */
type UnitRules = {
  /** The first unit with picture data of an access unit. */
  readonly isFirstOfPicture: (bytes: Buffer, at: number) => boolean
  /** Any unit with picture data. */
  readonly hasPicture: (type: number) => boolean
  /** A unit that belongs to the picture after it. */
  readonly opensPicture: (type: number) => boolean
  readonly readType: (firstByte: number) => number
  readonly isKey: (bytes: Buffer, at: number, type: number) => boolean
  readonly isIndependent: (type: number) => boolean
  /** A unit with the parameters of the sequence, on which the picture's format depends. */
  readonly isSequence: (type: number) => boolean
  /** A unit that a decoder which starts here needs beside those of the sequence. */
  readonly isParameter: (type: number) => boolean
}

/** One access unit, as a range of the stream. Units are without start codes. */
export type AccessUnit = {
  readonly from: number
  readonly to: number
  readonly isKey: boolean
  readonly isIndependent: boolean
  readonly sequence: readonly Buffer[]
  readonly parameters: readonly Buffer[]
}

export type PictureCodec = 'h264' | 'hevc' | 'mpeg2video'

const START_CODE = Buffer.from([0, 0, 1])
const RECOVERY_POINT = 6

const H264: UnitRules = {
  readType: (byte) => byte & 0x1f,
  hasPicture: (type) => type === 1 || type === 2 || type === 5,
  // first_mb_in_slice is 0: its Exp-Golomb code is one bit.
  isFirstOfPicture: (bytes, at) => ((bytes[at + 1] ?? 0) & 0x80) !== 0,
  opensPicture: (type) => (type >= 6 && type <= 9) || (type >= 14 && type <= 18),
  isKey: (bytes, at, type) => type === 5 || (type === 6 && bytes[at + 1] === RECOVERY_POINT),
  isIndependent: (type) => type === 5,
  isSequence: (type) => type === 7,
  isParameter: (type) => type === 8,
}

const HEVC: UnitRules = {
  readType: (byte) => (byte >> 1) & 0x3f,
  hasPicture: (type) => type < 32,
  isFirstOfPicture: (bytes, at) => ((bytes[at + 2] ?? 0) & 0x80) !== 0,
  opensPicture: (type) => (type >= 32 && type <= 35) || type === 39 || (type >= 41 && type <= 44) || type >= 48,
  isKey: (_bytes, _at, type) => type >= 16 && type <= 23,
  isIndependent: (type) => type === 19 || type === 20,
  isSequence: (type) => type === 33,
  isParameter: (type) => type === 32 || type === 34,
}

const PICTURE_START = 0x00
const SEQUENCE_START = 0xb3
const GROUP_START = 0xb8

const MPEG_VIDEO: UnitRules = {
  readType: (byte) => byte,
  hasPicture: (type) => type === PICTURE_START,
  isFirstOfPicture: () => true,
  opensPicture: (type) => type === SEQUENCE_START || type === GROUP_START,
  // picture_coding_type follows ten bits of temporal_reference.
  isKey: (bytes, at, type) => type === PICTURE_START && (((bytes[at + 2] ?? 0) >> 3) & 7) === 1,
  isIndependent: () => false,
  isSequence: (type) => type === SEQUENCE_START,
  isParameter: () => false,
}

const RULES: Readonly<Record<PictureCodec, UnitRules>> = { h264: H264, hevc: HEVC, mpeg2video: MPEG_VIDEO }

/** Longest parameter set that is kept. */
const MAX_PARAMETER_BYTES = 1024

type OpenUnit = {
  readonly from: number
  isKey: boolean
  isIndependent: boolean
  hasPicture: boolean
  readonly sequence: Buffer[]
  readonly parameters: Buffer[]
}

/**
 * Splits a stream. Bytes before the first unit are left out, and so is an end without picture data.
 * @throws RangeError where there are more access units, or more parameters, than a segment can have
 */
export function splitAccessUnits(bytes: Buffer, codec: PictureCodec): AccessUnit[] {
  const rules = RULES[codec]
  const units: AccessUnit[] = []
  let open: OpenUnit | null = null
  let kept = 0
  for (let code = bytes.indexOf(START_CODE); code !== -1;) {
    const next = bytes.indexOf(START_CODE, code + 3)
    const at = code + 3
    if (open === null || (open.hasPicture && beginsPicture(rules, bytes, at))) {
      const from = bytes[code - 1] === 0 ? code - 1 : code
      if (open !== null) checkPacketCount(units.push({ ...open, to: from }))
      open = { from, isKey: false, isIndependent: false, hasPicture: false, sequence: [], parameters: [] }
    }
    kept += noteUnit(open, rules, bytes.subarray(0, next === -1 ? bytes.length : next), at)
    checkPacketCount(kept)
    code = next
  }
  return open?.hasPicture === true ? [...units, { ...open, to: bytes.length }] : units
}

function beginsPicture(rules: UnitRules, bytes: Buffer, at: number): boolean {
  const type = rules.readType(bytes[at] ?? 0)
  return rules.opensPicture(type) || (rules.hasPicture(type) && rules.isFirstOfPicture(bytes, at))
}

/** Adds a unit to its access unit. Returns how many parameter sets it keeps of it: one or none. */
function noteUnit(open: OpenUnit, rules: UnitRules, upToEnd: Buffer, at: number): number {
  const type = rules.readType(upToEnd[at] ?? 0)
  open.hasPicture ||= rules.hasPicture(type)
  open.isKey ||= rules.isKey(upToEnd, at, type)
  open.isIndependent ||= rules.isIndependent(type)
  const list = rules.isSequence(type) ? open.sequence : rules.isParameter(type) ? open.parameters : null
  list?.push(trimZeros(upToEnd.subarray(at, at + MAX_PARAMETER_BYTES)))
  return list === null ? 0 : 1
}

/** Removes zero bytes at the end, which belong to the next start code. */
function trimZeros(unit: Buffer): Buffer {
  let end = unit.length
  while (end > 0 && unit[end - 1] === 0) end--
  return unit.subarray(0, end)
}
