import type { OutputPlan } from '../plan/output-plan.ts'
import { type Finding, warningFinding } from './findings.ts'
import type { PlannedTrack } from './planned-tracks.ts'
import { type ListedSegment, type RenditionListing, totalDurationSec } from './set-listing.ts'

/** Plausible share of a target bit rate: still pictures need very little; twice the target is an encoder error. */
const SHARE_OF_TARGET = { min: 0.1, max: 2 }

/** Plausible bits per pixel at constant quality: films need 0.02 to 0.3, noise 1, a black picture 0.0005. */
const BITS_PER_PIXEL = { min: 0.0002, max: 1.5 }

/** The average of a shorter output is not significant. */
const MIN_DURATION_SEC = 1

/** Warns where the average bit rate of a track is implausible for its settings. */
export function checkBitRate(
  track: PlannedTrack,
  { bytes, durationSec }: { readonly bytes: number; readonly durationSec: number },
  plan: OutputPlan,
  file: string,
): readonly Finding[] {
  if (durationSec < MIN_DURATION_SEC) return []
  const { min, max } = plausibleKbps(track, plan)
  const kbps = (bytes * 8) / 1000 / durationSec
  if (kbps >= min && kbps <= max) return []
  const message = `has ${kbps.toFixed(1)} kbit/s on average, expected ${min.toFixed(1)} to ${max.toFixed(1)}`
  return [warningFinding('BITRATE_ABNORMAL', file, message)]
}

/** Returns the plausible range of a track. Audio has no lower bound, because silence needs almost no bits. */
function plausibleKbps(track: PlannedTrack, { video, audio }: OutputPlan): { min: number; max: number } {
  const maxAudio = track.hasAudio && audio !== null ? SHARE_OF_TARGET.max * audio.kbps : 0
  if (track.video === null || video === null) return { min: 0, max: maxAudio }
  const { width, height, kbps } = track.video
  if (kbps !== null) return { min: SHARE_OF_TARGET.min * kbps, max: SHARE_OF_TARGET.max * kbps + maxAudio }
  const kilopixelsPerSec = (width * height * video.fps.num) / video.fps.den / 1000
  return { min: BITS_PER_PIXEL.min * kilopixelsPerSec, max: BITS_PER_PIXEL.max * kilopixelsPerSec + maxAudio }
}

/** Bits per second of a listed rendition (RFC 8216 §4.1). */
export type ListedBitRates = { readonly peak: number; readonly average: number }

/**
 * Measures the bit rates of a rendition from its listing and the sizes of its files. The peak is the highest rate of any
 * contiguous segments that last 0.5 to 1.5 target durations; without such segments, it is the average.
 */
export function measureListedBitRates(
  { segments, targetDurationSec }: RenditionListing,
  sizes: ReadonlyMap<string, number>,
): ListedBitRates {
  const bytesOf = ({ name }: ListedSegment) => sizes.get(name) ?? 0
  const average = (8 * segments.reduce((sum, segment) => sum + bytesOf(segment), 0)) / totalDurationSec(segments)
  let peak = average
  for (let first = 0; first < segments.length; first += 1) {
    let [bytes, durationSec] = [0, 0]
    for (let end = first; end < segments.length && durationSec <= 1.5 * targetDurationSec; end += 1) {
      const segment = segments[end]
      bytes += segment === undefined ? 0 : bytesOf(segment)
      durationSec += segment?.durationSec ?? 0
      const counts = durationSec >= 0.5 * targetDurationSec && durationSec <= 1.5 * targetDurationSec
      if (counts) peak = Math.max(peak, (8 * bytes) / durationSec)
    }
  }
  return { peak, average }
}
