/** Reads bits, the highest of each byte first. Behind the end, all bits are 0. */
export type BitReader = {
  readBits(count: number): number
  /** Reads an unsigned Exp-Golomb code (ITU-T H.264 §9.1). */
  readUnsigned(): number
  /** Reads a signed Exp-Golomb code (ITU-T H.264 §9.1.1). */
  readSigned(): number
}

/** Longest prefix of an Exp-Golomb code of 32 bits. */
const MAX_PREFIX = 31

/** Creates a reader that begins with the first bit. */
export function createBitReader(bytes: Buffer): BitReader {
  let position = 0
  function readBit(): number {
    const bit = ((bytes[position >> 3] ?? 0) >> (7 - (position & 7))) & 1
    position++
    return bit
  }
  function readBits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + readBit()
    return value
  }
  function readUnsigned(): number {
    let zeros = 0
    while (zeros < MAX_PREFIX && readBit() === 0) zeros++
    return 2 ** zeros - 1 + readBits(zeros)
  }
  return {
    readBits,
    readUnsigned,
    readSigned: () => {
      const code = readUnsigned()
      return code % 2 === 1 ? (code + 1) / 2 : -code / 2
    },
  }
}
