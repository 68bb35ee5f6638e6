import type { OutputPlan } from '../output-plan.ts'
import { doubt, type Finding } from './findings.ts'
import { type ListedSegment, type Track, totalSec } from './track.ts'

/** A still picture takes next to nothing of the bit rate that it is given; twice as much is an encoder's mistake. */
const OF_TARGET = { least: 0.1, most: 2 }

/** With constant quality, bits for each pixel of each frame: films take 0.02 to 0.3, noise 1, a black picture 0.0005. */
const PER_PIXEL = { least: 0.0002, most: 1.5 }

/** What is shorter than this says little about an average. */
const LEAST_SEC = 1

/** The average bit rate of a rendition is one that its settings could have come to. */
export function checkBitRate(
  track: Track,
  { bytes, durationSec }: { readonly bytes: number; readonly durationSec: number },
  plan: OutputPlan,
  file: string,
): readonly Finding[] {
  if (durationSec < LEAST_SEC) return []
  const { least, most } = rangeKbps(track, plan)
  const kbps = (bytes * 8) / 1000 / durationSec
  if (kbps >= least && kbps <= most) return []
  const message = `has ${kbps.toFixed(1)} kbit/s on average, where ${least.toFixed(1)} to ${most.toFixed(1)} were expected`
  return [doubt('BITRATE_ABNORMAL', file, message)]
}

/** Silence takes next to nothing, so that sound has no lower bound. */
function rangeKbps({ picture, hasSound }: Track, { video, audio }: OutputPlan): { least: number; most: number } {
  const sound = hasSound && audio !== null ? OF_TARGET.most * audio.kbps : 0
  if (picture === null || video === null) return { least: 0, most: sound }
  if (picture.kbps !== null)
    return { least: OF_TARGET.least * picture.kbps, most: OF_TARGET.most * picture.kbps + sound }
  const kiloPixels = (picture.width * picture.height * video.fps.num) / video.fps.den / 1000
  return { least: PER_PIXEL.least * kiloPixels, most: PER_PIXEL.most * kiloPixels + sound }
}

/** Bits per second (RFC 8216 §4.1). */
export type BitRates = { readonly peak: number; readonly average: number }

/**
 * The bit rates of listed segments: the peak is the highest of any segments in a row that last from half to one and a
 * half target durations; where none do, the average.
 */
export function measureBitRates(
  segments: readonly ListedSegment[],
  targetSec: number,
  sizes: ReadonlyMap<string, number>,
): BitRates {
  const bytesOf = ({ name }: ListedSegment) => sizes.get(name) ?? 0
  const average = (8 * segments.reduce((sum, segment) => sum + bytesOf(segment), 0)) / totalSec(segments)
  let peak = average
  for (let first = 0; first < segments.length; first += 1) {
    let [bytes, durationSec] = [0, 0]
    for (let end = first; end < segments.length && durationSec <= 1.5 * targetSec; end += 1) {
      const segment = segments[end]
      bytes += segment === undefined ? 0 : bytesOf(segment)
      durationSec += segment?.durationSec ?? 0
      const counts = durationSec >= 0.5 * targetSec && durationSec <= 1.5 * targetSec
      if (counts) peak = Math.max(peak, (8 * bytes) / durationSec)
    }
  }
  return { peak, average }
}
