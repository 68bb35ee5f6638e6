import type { OutputPlan } from '../plan/output-plan.ts'
import { type ListedBitRates, measureListedBitRates } from './bit-rates.ts'
import { checkDeclaredCodecs } from './declared-codecs.ts'
import { errorFinding, type Finding } from './findings.ts'
import type { PlannedTrack } from './planned-tracks.ts'
import type { OutputStream } from './probe-output.ts'
import type { DeclaredVariant, RenditionListing } from './set-listing.ts'

/** A planned track with its listing and its probed streams. */
export type ProbedTrack = {
  readonly track: PlannedTrack
  readonly listing: RenditionListing
  readonly streams: readonly OutputStream[]
}

/** Relative tolerance: of BANDWIDTH above the measured peak, and of AVERAGE-BANDWIDTH around the measured average. */
const BIT_RATE_TOLERANCE = 0.1

/** EXT-X-STREAM-INF declares a frame rate with three decimals (RFC 8216 §4.3.4.2). */
const FRAME_RATE_TOLERANCE = 0.001

/**
 * Checks what an entry declares of renditions that are played together: bit rates, which are sums over all of them
 * (RFC 8216 §4.3.4.2), resolution, frame rate and codecs.
 */
export function checkDeclaredVariant(
  variant: DeclaredVariant,
  tracks: readonly ProbedTrack[],
  plan: OutputPlan,
  sizes: ReadonlyMap<string, number>,
): readonly Finding[] {
  const rates = tracks.map(({ listing }) => measureListedBitRates(listing, sizes))
  const streams = tracks.flatMap((track) => track.streams)
  const problems = [
    checkBandwidth(variant.bandwidth, sum(rates, 'peak')),
    checkAverageBandwidth(variant.averageBandwidth, sum(rates, 'average')),
    ...checkVideo(variant, tracks, plan),
    checkDeclaredCodecs(variant.codecs, streams),
  ]
  const subject = `rendition ${variant.indexes.join(' with ')}`
  return problems.flatMap((problem) =>
    problem === null ? [] : [errorFinding('HLS_PLAYLIST_SYNTAX_ERROR', variant.file, `${subject}: ${problem}`)],
  )
}

function sum(rates: readonly ListedBitRates[], key: keyof ListedBitRates): number {
  return rates.reduce((total, rate) => total + rate[key], 0)
}

/** Allows for rounding: declared bit rates are whole numbers. */
function checkBandwidth(declared: number | null, peak: number): string | null {
  if (declared === null) return 'no bandwidth is declared'
  if (declared >= Math.floor(peak) && declared <= peak * (1 + BIT_RATE_TOLERANCE) + 1) return null
  return `the declared bandwidth is ${declared} bit/s, but the peak is ${Math.ceil(peak)} bit/s`
}

function checkAverageBandwidth(declared: number | null, average: number): string | null {
  if (declared === null || Math.abs(declared - average) <= average * BIT_RATE_TOLERANCE + 1) return null
  return `the declared average bandwidth is ${declared} bit/s, but the average is ${Math.ceil(average)} bit/s`
}

function checkVideo(
  { resolution, frameRate }: DeclaredVariant,
  tracks: readonly ProbedTrack[],
  { video }: OutputPlan,
): (string | null)[] {
  const planned = tracks.find(({ track }) => track.video !== null)?.track.video ?? null
  if (planned === null || video === null) return []
  const declaredSize = resolution === null ? 'missing' : `${resolution.width}x${resolution.height}`
  const plannedSize = `${planned.width}x${planned.height}`
  const fps = video.fps.num / video.fps.den
  return [
    declaredSize === plannedSize ? null : `the declared resolution is ${declaredSize}, not ${plannedSize}`,
    Math.abs((frameRate ?? 0) - fps) <= FRAME_RATE_TOLERANCE
      ? null
      : `the declared frame rate is ${frameRate ?? 'missing'}, not ${fps.toFixed(3)}`,
  ]
}
