import type { InputVideo } from './encode-plan.ts'
import type { FrameRate } from './output-plan.ts'

/** A higher rate is divided by a whole number. */
const MAX_FPS = 60
/** A lower rate is raised: each segment needs a frame. */
const MIN_FPS = 1
/** Frame rates of ordinary productions, in ascending order. */
const STANDARD_RATES: readonly FrameRate[] = [
  { num: 24_000, den: 1001 },
  { num: 24, den: 1 },
  { num: 25, den: 1 },
  { num: 30_000, den: 1001 },
  { num: 30, den: 1 },
  { num: 48, den: 1 },
  { num: 50, den: 1 },
  { num: 60_000, den: 1001 },
  { num: 60, den: 1 },
]
/** Relative error of the average rate that a file declares; 24 and 23.976 differ by twice as much. */
const RATE_TOLERANCE = 0.0005
/** Longest GOP in segments; a player can switch renditions at its start. */
const SEGMENTED_GOP_SEC = 2
/** Longest GOP in a single file; a player can seek to its start. */
const FILE_GOP_SEC = 5

/**
 * Returns the constant frame rate of an output. A constant input rate is kept, or divided by a whole number above 60.
 * A variable rate becomes the rate of the timestamps if that is usable, else the next standard rate above the average.
 */
export function chooseFrameRate({ fps, rateOfTimes, isVariableFrameRate, isInterlaced }: InputVideo): FrameRate {
  if (isVariableFrameRate && !isInterlaced) return chooseConstantRate(fps, rateOfTimes)
  const exact =
    STANDARD_RATES.find((rate) => isSameRate(rate, fps)) ?? (isSameRate(rateOfTimes, fps) ? rateOfTimes : fps)
  return limitFrameRate(reduceFraction(exact))
}

function chooseConstantRate(fps: FrameRate, rateOfTimes: FrameRate): FrameRate {
  if (framesPerSec(rateOfTimes) <= MAX_FPS && framesPerSec(rateOfTimes) >= framesPerSec(fps))
    return limitFrameRate(reduceFraction(rateOfTimes))
  const standard = STANDARD_RATES.find((rate) => framesPerSec(rate) >= framesPerSec(fps) * (1 - RATE_TOLERANCE))
  return standard ?? { num: MAX_FPS, den: 1 }
}

/** Brings a rate between the limits. A high rate is divided by a whole number: every nth frame is evenly spaced. */
function limitFrameRate(fps: FrameRate): FrameRate {
  if (framesPerSec(fps) < MIN_FPS) return { num: MIN_FPS, den: 1 }
  const divisor = Math.ceil(framesPerSec(fps) / MAX_FPS - RATE_TOLERANCE)
  return reduceFraction({ num: fps.num, den: fps.den * divisor })
}

/** Returns a frame rate as a number. */
export function framesPerSec({ num, den }: FrameRate): number {
  return num / den
}

function isSameRate(a: FrameRate, b: FrameRate): boolean {
  return Math.abs(framesPerSec(a) / framesPerSec(b) - 1) < RATE_TOLERANCE
}

/** Reduces a fraction, and rounds its parts to a million at most; encoders accept 32 bits for each. */
function reduceFraction({ num, den }: FrameRate): FrameRate {
  const scale = Math.max(num, den) > 1_000_000 ? 1_000_000 / Math.max(num, den) : 1
  const [a, b] = [Math.max(1, Math.round(num * scale)), Math.max(1, Math.round(den * scale))]
  const divisor = greatestCommonDivisor(a, b)
  return { num: a / divisor, den: b / divisor }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/** Returns the frames of a GOP: about 2 s, a whole number of which makes a segment; at most 5 s in a single file. */
export function countGopFrames(fps: FrameRate, segmentSec: number | null): number {
  const gopSec = segmentSec === null ? FILE_GOP_SEC : segmentSec / countSegmentGops(segmentSec)
  return Math.max(1, Math.round(framesPerSec(fps) * gopSec))
}

/** Returns the frames of a segment: whole GOPs, as close to the segment's length as they allow. */
export function countSegmentFrames(fps: FrameRate, segmentSec: number): number {
  return countGopFrames(fps, segmentSec) * countSegmentGops(segmentSec)
}

function countSegmentGops(segmentSec: number): number {
  return Math.max(1, Math.round(segmentSec / SEGMENTED_GOP_SEC))
}
