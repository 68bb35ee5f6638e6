import type { OutputStream } from './probe-output.ts'

/** profile_idc of H.264 (ISO/IEC 14496-10 §A.2), by ffprobe's name of the profile. */
const AVC_PROFILES = new Map([
  ['Baseline', '42'],
  ['Constrained Baseline', '42'],
  ['Main', '4d'],
  ['High', '64'],
])

/** Matches no codec string. */
const NO_CODEC = 'none'

/** Checks a declared `codecs` value (RFC 6381) against the streams. Returns the problem; `null` where it is correct. */
export function checkDeclaredCodecs(declared: string | null, streams: readonly OutputStream[]): string | null {
  if (declared === null) return 'no codecs are declared'
  const codecs = declared.split(',').map((codec) => codec.trim())
  const isCorrect =
    codecs.length === streams.length &&
    streams.every((stream) => codecs.some((codec) => codecPattern(stream).test(codec)))
  if (isCorrect) return null
  return `the declared codecs are "${declared}", but the streams are ${streams.map(describeStream).join(' and ')}`
}

function describeStream({ codec_name, profile, level }: OutputStream): string {
  return `${codec_name} (${profile}${level === null ? '' : `, level ${level}`})`
}

/**
 * Returns the pattern of a stream's codec string. H.264: profile and level (ISO/IEC 14496-15 §E.3). HEVC: profile and
 * general_level_idc. AV1: profile, seq_level_idx and 8 bits (AV1 in ISOBMFF §5). AAC: Low Complexity.
 */
function codecPattern({ codec_name, profile, level: knownLevel }: OutputStream): RegExp {
  const level = knownLevel ?? 0
  switch (codec_name) {
    case 'h264':
      return new RegExp(`^avc1\\.${AVC_PROFILES.get(profile) ?? NO_CODEC}[0-9a-f]{2}${hexByte(level)}$`, 'i')
    case 'hevc':
      return new RegExp(`^hvc1\\.${profile === 'Main' ? '1' : NO_CODEC}\\.[0-9A-F]+\\.[LH]${level}(?:\\.[0-9A-F]+)*$`)
    case 'av1':
      return new RegExp(`^av01\\.${profile === 'Main' ? '0' : NO_CODEC}\\.${String(level).padStart(2, '0')}[MH]\\.08`)
    case 'aac':
      return profile === 'LC' ? /^mp4a\.40\.2$/ : /^mp4a\.40\.none$/
    default:
      return /^none$/
  }
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0')
}
