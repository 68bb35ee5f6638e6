import type { OutputPlan } from '../output-plan.ts'
import { type BitRates, measureBitRates } from './bit-rates.ts'
import { fault, type Finding } from './findings.ts'
import type { Stream } from './media.ts'
import type { Claim, Listing, Track } from './track.ts'

/** A rendition that was read. */
export type ReadTrack = { readonly track: Track; readonly listing: Listing; readonly streams: readonly Stream[] }

/** BANDWIDTH may be so much above the measured peak, and AVERAGE-BANDWIDTH so far from the average. */
const ALLOWED = 0.1

/**
 * What an entry promises of renditions is there and true: bit rates (RFC 8216 §4.3.4.2: the sum over all that play
 * together), size, frame rate and codecs.
 */
export function checkClaim(
  claim: Claim,
  tracks: readonly ReadTrack[],
  plan: OutputPlan,
  sizes: ReadonlyMap<string, number>,
): readonly Finding[] {
  const rates = tracks.map(({ listing }) => measureBitRates(listing.segments, listing.targetSec, sizes))
  const problems = [
    bandwidthProblem(claim.bandwidth, sum(rates, 'peak')),
    averageProblem(claim.averageBandwidth, sum(rates, 'average')),
    ...pictureProblems(claim, tracks, plan),
    codecsProblem(
      claim.codecs,
      tracks.flatMap(({ streams }) => streams),
    ),
  ]
  const who = `rendition ${claim.tracks.join(' with ')}`
  return problems.flatMap((problem) =>
    problem === null ? [] : [fault('HLS_PLAYLIST_SYNTAX_ERROR', claim.file, `of ${who}, ${problem}`)],
  )
}

function sum(rates: readonly BitRates[], key: keyof BitRates): number {
  return rates.reduce((total, rate) => total + rate[key], 0)
}

/** Bits are whole: rounding is no lie. */
function bandwidthProblem(said: number | null, peak: number): string | null {
  if (said === null) return 'no bandwidth is said'
  if (said >= Math.floor(peak) && said <= peak * (1 + ALLOWED) + 1) return null
  return `the bandwidth is said to be ${said}, but the peak is ${Math.ceil(peak)} bit/s`
}

function averageProblem(said: number | null, average: number): string | null {
  if (said === null || Math.abs(said - average) <= average * ALLOWED + 1) return null
  return `the average bandwidth is said to be ${said}, but it is ${Math.ceil(average)} bit/s`
}

function pictureProblems(claim: Claim, tracks: readonly ReadTrack[], { video }: OutputPlan): (string | null)[] {
  const picture = tracks.find(({ track }) => track.picture !== null)?.track.picture ?? null
  if (picture === null || video === null) return []
  const size = claim.size === null ? 'missing' : `${claim.size.width}x${claim.size.height}`
  const wanted = `${picture.width}x${picture.height}`
  const fps = video.fps.num / video.fps.den
  return [
    size === wanted ? null : `the resolution is ${size}, not ${wanted}`,
    // Three decimals are written (RFC 8216 §4.3.4.2).
    Math.abs((claim.frameRate ?? 0) - fps) <= 0.001
      ? null
      : `the frame rate is ${claim.frameRate ?? 'missing'}, not ${fps.toFixed(3)}`,
  ]
}

function codecsProblem(said: string | null, streams: readonly Stream[]): string | null {
  if (said === null) return 'no codecs are said'
  const codecs = said.split(',').map((codec) => codec.trim())
  const isTrue =
    codecs.length === streams.length &&
    streams.every((stream) => codecs.some((codec) => codecPattern(stream).test(codec)))
  return isTrue ? null : `the codecs are said to be "${said}", but they are ${streams.map(described).join(' and ')}`
}

function described({ codec_name, profile, level }: Stream): string {
  return `${codec_name} (${profile}${level === null ? '' : `, level ${level}`})`
}

/** profile_idc of H.264 (ISO/IEC 14496-10 §A.2). */
const AVC_PROFILES = new Map([
  ['Baseline', '42'],
  ['Constrained Baseline', '42'],
  ['Main', '4d'],
  ['High', '64'],
])

/**
 * What a track's RFC 6381 name must look like, by what ffprobe says of it: for H.264 profile and level (ISO/IEC
 * 14496-15 §E.3), for HEVC general_level_idc too, for AV1 seq_level_idx (AV1 in ISOBMFF §5). 8 bits and main tiers.
 */
function codecPattern({ codec_name, profile, level }: Stream): RegExp {
  const at = level ?? 0
  switch (codec_name) {
    case 'h264':
      return new RegExp(`^avc1\\.${AVC_PROFILES.get(profile) ?? 'none'}[0-9a-f]{2}${hex(at)}$`, 'i')
    case 'hevc':
      return new RegExp(`^hvc1\\.${profile === 'Main' ? '1' : 'none'}\\.[0-9A-F]+\\.[LH]${at}(?:\\.[0-9A-F]+)*$`)
    case 'av1':
      return new RegExp(`^av01\\.${profile === 'Main' ? '0' : 'none'}\\.${String(at).padStart(2, '0')}[MH]\\.08`)
    case 'aac':
      return profile === 'LC' ? /^mp4a\.40\.2$/ : /^mp4a\.40\.none$/
    default:
      return /^none$/
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0')
}
