/** Frame rates of ordinary encoders, per second. */
const USUAL_RATES = [15, 20, 24_000 / 1001, 24, 25, 30_000 / 1001, 30, 48, 50, 60_000 / 1001, 60]
/** Relative error of a rate that is measured from timestamps in ms over about two seconds. */
const RATE_TOLERANCE = 0.004
const FALLBACK_RATE = 30
const MAX_RATE = 120

/**
 * Measures the frame rate from the times of frames in ms, ascending: the usual rate that is closest, or else the measured
 * one. Missing frames do not count. Returns 30 for fewer than two frames.
 */
export function measureFrameRate(timesMs: readonly number[]): number {
  const steps = timesMs.slice(1).map((time, index) => time - (timesMs[index] ?? time))
  const positive = steps.filter((step) => step > 0)
  const median = positive.toSorted((a, b) => a - b)[Math.floor(positive.length / 2)]
  if (median === undefined) return FALLBACK_RATE
  // Without gaps; the mean removes the rounding of timestamps to ms.
  const regular = positive.filter((step) => step <= 1.5 * median + 1)
  const mean = regular.reduce((sum, step) => sum + step, 0) / regular.length
  const measured = Math.min(MAX_RATE, 1000 / mean)
  const usual = USUAL_RATES.toSorted((a, b) => Math.abs(a - measured) - Math.abs(b - measured))[0] ?? measured
  return Math.abs(usual / measured - 1) <= RATE_TOLERANCE ? usual : Math.round(measured * 1000) / 1000
}

/** Least distance of key frames at which segments can be cut where the source has its key frames, in ms. */
const LEAST_INTERVAL_MS = 450

/**
 * Returns whether key frames divide segments evenly: their distance is a segment, or a half, a third or a quarter of one,
 * within one frame. False where fewer than two key frames are known.
 */
export function divideSegments(keyFrameTimesMs: readonly number[], segmentMs: number, frameMs: number): boolean {
  const intervals = keyFrameTimesMs.slice(1).map((time, index) => time - (keyFrameTimesMs[index] ?? time))
  return (
    intervals.length > 0 &&
    intervals.every((interval) => {
      const perSegment = Math.max(1, Math.round(segmentMs / interval))
      return interval >= LEAST_INTERVAL_MS && Math.abs(interval - segmentMs / perSegment) <= frameMs + 1
    })
  )
}
