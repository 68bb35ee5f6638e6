import { type Segment, segmentSec, targetDurationSec, type Track } from './track.ts'

/** Bits per second, rounded up. */
export type BitRates = { readonly peak: number; readonly average: number }

/**
 * Measured bit rates of a track (RFC 8216 §4.1): the peak is that of the greediest run of segments which lasts from
 * half to one and a half target durations, the average that of all.
 */
export function measureBitRates(track: Track): BitRates {
  const average = bitRate(track, track.segments)
  const target = targetDurationSec(track)
  const peaks = track.segments.map((_, first) => peakFrom(track, first, target))
  return { peak: Math.ceil(Math.max(average, ...peaks)), average: Math.ceil(average) }
}

/** The highest bit rate of the runs that begin with one segment; 0 where none is long enough. */
function peakFrom(track: Track, first: number, target: number): number {
  let peak = 0
  let durationSec = 0
  for (let end = first; end < track.segments.length; end += 1) {
    const segment = track.segments[end]
    durationSec += segment === undefined ? Infinity : segmentSec(track, segment)
    if (durationSec > 1.5 * target) break
    if (durationSec >= 0.5 * target) peak = Math.max(peak, bitRate(track, track.segments.slice(first, end + 1)))
  }
  return peak
}

function bitRate({ timescale }: Track, segments: readonly Segment[]): number {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0)
  const duration = segments.reduce((sum, segment) => sum + segment.duration, 0)
  return (8 * bytes * timescale) / duration
}
