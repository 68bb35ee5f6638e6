/**
 * The `codecs` parameter of a track (RFC 6381), from the decoder's configuration. Every function throws a `RangeError`
 * where the configuration is truncated.
 */

/**
 * Returns the string of H.264: profile, constraint flags and level (ISO/IEC 14496-15 §E.3). They are the first bytes of a
 * sequence parameter set after its NAL header, and of an avcC box after its first byte.
 */
export function avcCodecString(profileLevel: Buffer): string {
  return `avc1.${profileLevel.readUIntBE(0, 3).toString(16).padStart(6, '0')}`
}

/**
 * Returns the string of H.265: profile, compatibility flags in reverse bit order, tier, level, and constraint bytes without
 * trailing zeros (ISO/IEC 14496-15 §E.3). The twelve bytes are in an hvcC box and in a sequence parameter set.
 */
export function hevcCodecString(profileTierLevel: Buffer): string {
  const first = profileTierLevel.readUInt8(0)
  const profileSpace = ['', 'A', 'B', 'C'][first >> 6] ?? ''
  const tier = (first & 0x20) === 0 ? 'L' : 'H'
  const compatibility = formatHex(reverseBits(profileTierLevel.readUInt32BE(1)))
  const level = profileTierLevel.readUInt8(11)
  const constraints = [...profileTierLevel.subarray(5, 11)]
  const significant = constraints.slice(0, constraints.findLastIndex((byte) => byte !== 0) + 1)
  const parts = [`hvc1.${profileSpace}${first & 0x1f}`, compatibility, `${tier}${level}`]
  return [...parts, ...significant.map(formatHex)].join('.')
}

/** Returns the string of AV1: profile, level, tier and bit depth of an av1C box (AV1 in ISOBMFF §5). */
export function av1CodecString(av1c: Buffer): string {
  const profileLevel = av1c.readUInt8(1)
  const flags = av1c.readUInt8(2)
  const tier = (flags & 0x80) === 0 ? 'M' : 'H'
  const depth = (flags & 0x40) === 0 ? '08' : (flags & 0x20) === 0 ? '10' : '12'
  return `av01.${profileLevel >> 5}.${String(profileLevel & 0x1f).padStart(2, '0')}${tier}.${depth}`
}

/** Returns the string of AAC by its audio object type; 2 is Low Complexity. */
export function aacCodecString(objectType: number): string {
  return `mp4a.40.${objectType}`
}

function formatHex(value: number): string {
  return value.toString(16).toUpperCase()
}

function reverseBits(word: number): number {
  return Number.parseInt(Array.from(word.toString(2).padStart(32, '0')).toReversed().join(''), 2)
}
