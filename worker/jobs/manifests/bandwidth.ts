import { type ManifestTrack, segmentDurationSec, targetDurationSec, type TrackSegment } from './manifest-track.ts'

/** Bits per second, rounded up. */
export type TrackBitRates = { readonly peak: number; readonly average: number }

/**
 * Measures the bit rates of a track (RFC 8216 §4.1). The peak is the highest rate of any contiguous segments that last 0.5
 * to 1.5 target durations, and at least the average.
 */
export function measureTrackBitRates(track: ManifestTrack): TrackBitRates {
  const average = bitRate(track, track.segments)
  const targetSec = targetDurationSec(track)
  const peaks = track.segments.map((_, first) => measurePeakFrom(track, first, targetSec))
  return { peak: Math.ceil(Math.max(average, ...peaks)), average: Math.ceil(average) }
}

/** Returns the highest bit rate of the runs that begin with a segment; 0 where no run is long enough. */
function measurePeakFrom(track: ManifestTrack, first: number, targetSec: number): number {
  let peak = 0
  let durationSec = 0
  for (let end = first; end < track.segments.length; end += 1) {
    const segment = track.segments[end]
    durationSec += segment === undefined ? Infinity : segmentDurationSec(track, segment)
    if (durationSec > 1.5 * targetSec) break
    if (durationSec >= 0.5 * targetSec) peak = Math.max(peak, bitRate(track, track.segments.slice(first, end + 1)))
  }
  return peak
}

function bitRate({ timescale }: ManifestTrack, segments: readonly TrackSegment[]): number {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const duration = segments.reduce((sum, segment) => sum + segment.duration, 0)
  return (8 * bytes * timescale) / duration
}
