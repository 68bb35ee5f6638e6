/**
 * The `codecs` parameter of a track (RFC 6381), from the configuration that its decoder is given. Each function throws
 * a `RangeError` where the bytes end too early.
 */

/**
 * H.264: `avc1.` and profile, constraint flags and level, which begin a sequence parameter set behind its NAL header
 * and stand behind the first byte of an avcC box alike (ISO/IEC 14496-15 §E.3).
 */
export function avcCodec(profileLevel: Buffer): string {
  return `avc1.${hex(profileLevel.readUIntBE(0, 3), 6)}`
}

/**
 * H.265: profile, compatibility flags in reverse bit order, tier and level, constraint bytes without trailing zeros
 * (ISO/IEC 14496-15 §E.3), from the twelve bytes of profile_tier_level that an hvcC box and a parameter set share.
 */
export function hevcCodec(profileTierLevel: Buffer): string {
  const first = profileTierLevel.readUInt8(0)
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? ''
  const tier = (first & 0x20) === 0 ? 'L' : 'H'
  const compatibility = reverseBits(profileTierLevel.readUInt32BE(1)).toString(16).toUpperCase()
  const level = profileTierLevel.readUInt8(11)
  const constraints = [...profileTierLevel.subarray(5, 11)]
  const kept = constraints.slice(0, constraints.findLastIndex((byte) => byte !== 0) + 1)
  const parts = [`hvc1.${space}${first & 0x1f}`, compatibility, `${tier}${level}`]
  return [...parts, ...kept.map((byte) => byte.toString(16).toUpperCase())].join('.')
}

/** AV1: profile, level, tier and bit depth, from an av1C box (AV1 in ISOBMFF §5). */
export function av1Codec(av1c: Buffer): string {
  const profileLevel = av1c.readUInt8(1)
  const flags = av1c.readUInt8(2)
  const tier = (flags & 0x80) === 0 ? 'M' : 'H'
  const depth = (flags & 0x40) === 0 ? '08' : (flags & 0x20) === 0 ? '10' : '12'
  return `av01.${profileLevel >> 5}.${String(profileLevel & 0x1f).padStart(2, '0')}${tier}.${depth}`
}

/** AAC: its audio object type; 2 is Low Complexity. */
export function aacCodec(objectType: number): string {
  return `mp4a.40.${objectType}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function reverseBits(word: number): number {
  return Number.parseInt(Array.from(word.toString(2).padStart(32, '0')).toReversed().join(''), 2)
}
