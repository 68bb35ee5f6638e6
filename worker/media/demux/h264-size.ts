import { createBitReader, type BitReader } from './bit-reader.ts'

/** The size of a picture. */
export type PictureSize = { readonly width: number; readonly height: number }

/** Profiles whose parameter sets name the chroma format (ITU-T H.264 §7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])
const MACROBLOCK = 16
const MAX_SIDE = 16_384

/** Returns the picture's size by an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1); `null` if it has none. */
export function readH264Size(configuration: Buffer): PictureSize | null {
  if (configuration.length < 9 || ((configuration[5] ?? 0) & 0x1f) === 0) return null
  const length = configuration.readUInt16BE(6)
  const parameterSet = configuration.subarray(8, 8 + length)
  return readH264ParameterSetSize(parameterSet)
}

/** Returns the picture's size by a sequence parameter set with its NAL header; `null` if it is none. */
export function readH264ParameterSetSize(parameterSet: Buffer): PictureSize | null {
  if (parameterSet.length < 5) return null
  const size = readParameterSet(createBitReader(removeEmulationPrevention(parameterSet.subarray(1))))
  return isPlausible(size) ? size : null
}

function isPlausible({ width, height }: PictureSize): boolean {
  return width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE
}

/** Removes the byte 3 after two bytes 0 (ITU-T H.264 §7.4.1). */
export function removeEmulationPrevention(bytes: Buffer): Buffer {
  return Buffer.from(bytes.filter((byte, i) => !(byte === 3 && bytes[i - 1] === 0 && bytes[i - 2] === 0)))
}

/** Reads a sequence parameter set up to its cropping (ITU-T H.264 §7.3.2.1.1). */
function readParameterSet(bits: BitReader): PictureSize {
  const profile = bits.readBits(8)
  bits.readBits(16)
  bits.readUnsigned()
  const chromaFormat = HIGH_PROFILES.has(profile) ? readChromaFormat(bits) : 1
  bits.readUnsigned()
  skipOrderCount(bits)
  bits.readUnsigned()
  bits.readBits(1)
  const widthInMacroblocks = bits.readUnsigned() + 1
  const heightInUnits = bits.readUnsigned() + 1
  const isFrameOnly = bits.readBits(1)
  if (isFrameOnly === 0) bits.readBits(1)
  bits.readBits(1)
  const fieldFactor = 2 - isFrameOnly
  const cropped = readCropping(bits, chromaFormat, fieldFactor)
  return {
    width: widthInMacroblocks * MACROBLOCK - cropped.width,
    height: fieldFactor * heightInUnits * MACROBLOCK - cropped.height,
  }
}

function readChromaFormat(bits: BitReader): number {
  const chromaFormat = bits.readUnsigned()
  if (chromaFormat === 3) bits.readBits(1)
  bits.readUnsigned()
  bits.readUnsigned()
  bits.readBits(1)
  if (bits.readBits(1) === 1) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8)
  return chromaFormat
}

/** Skips scaling lists (ITU-T H.264 §7.3.2.1.1.1). */
function skipScalingLists(bits: BitReader, count: number): void {
  for (let list = 0; list < count; list++) if (bits.readBits(1) === 1) skipScalingList(bits, list < 6 ? 16 : 64)
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8
  for (let i = 0; i < size; i++) {
    const next = (last + bits.readSigned() + 256) % 256
    if (next === 0) return
    last = next
  }
}

function skipOrderCount(bits: BitReader): void {
  const type = bits.readUnsigned()
  if (type === 0) bits.readUnsigned()
  if (type !== 1) return
  bits.readBits(1)
  bits.readSigned()
  bits.readSigned()
  const count = Math.min(255, bits.readUnsigned())
  for (let i = 0; i < count; i++) bits.readSigned()
}

function readCropping(bits: BitReader, chromaFormat: number, fieldFactor: number): PictureSize {
  if (bits.readBits(1) === 0) return { width: 0, height: 0 }
  const [left, right, top, bottom] = Array.from({ length: 4 }, () => bits.readUnsigned())
  const unitWidth = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1
  const unitHeight = (chromaFormat === 1 ? 2 : 1) * fieldFactor
  return { width: ((left ?? 0) + (right ?? 0)) * unitWidth, height: ((top ?? 0) + (bottom ?? 0)) * unitHeight }
}
