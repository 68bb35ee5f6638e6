import { NAL_TYPE, nalTypeOf } from './assemble-h264.ts'

/** The parameter sets of a decoder of H.264. */
export type AvcParameters = { readonly sequence: Buffer; readonly picture: Buffer }

const LENGTH_BYTES = 4
/** Profiles whose configuration describes the chroma format too (ISO/IEC 14496-15 §5.3.3.1.2). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 144])
/** 4:2:0 with 8 bits, as all of WebRTC. */
const CHROMA_FIELDS = [0xfd, 0xf8, 0xf8, 0]
/** Units that stand in the configuration, or that FLV does without. */
const LEFT_OUT: ReadonlySet<number> = new Set([
  NAL_TYPE.sequenceParameters,
  NAL_TYPE.pictureParameters,
  NAL_TYPE.delimiter,
])

/** Returns the parameter sets among the units of a frame; `null` where one is missing. */
export function findAvcParameters(units: readonly Buffer[]): AvcParameters | null {
  const sequence = units.findLast((unit) => nalTypeOf(unit) === NAL_TYPE.sequenceParameters)
  const picture = units.findLast((unit) => nalTypeOf(unit) === NAL_TYPE.pictureParameters)
  if (sequence === undefined || picture === undefined || sequence.length < 4) return null
  return { sequence, picture }
}

/** Returns the body of a tag with the decoder's configuration (FLV 10.1 §E.4.3.2, ISO/IEC 14496-15 §5.3.3.1.2). */
export function composeAvcHeader({ sequence, picture }: AvcParameters): Buffer {
  const [, profile = 0, compatibility = 0, level = 0] = sequence
  return Buffer.concat([
    Buffer.from([0x17, 0, 0, 0, 0, 1, profile, compatibility, level, 0xff, 0xe1]),
    uint16(sequence.length),
    sequence,
    Buffer.from([1]),
    uint16(picture.length),
    picture,
    Buffer.from(HIGH_PROFILES.has(profile) ? CHROMA_FIELDS : []),
  ])
}

/** Returns the body of a tag with a frame, which is presented when it is decoded; `null`: nothing of it is left. */
export function composeAvcFrame(units: readonly Buffer[], isKey: boolean): Buffer | null {
  const kept = units.filter((unit) => !LEFT_OUT.has(nalTypeOf(unit)))
  if (kept.length === 0) return null
  const sized = kept.flatMap((unit) => [uint32(unit.length), unit])
  return Buffer.concat([Buffer.from([isKey ? 0x17 : 0x27, 1, 0, 0, 0]), ...sized])
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES)
  bytes.writeUInt32BE(value)
  return bytes
}
