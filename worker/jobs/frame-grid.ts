import type { Probe } from '../platform/probed-media.ts'
import type { Rational } from './output-plan.ts'

/** What is faster is brought down. */
const MAX_FPS = 60
/** What is slower is brought up: a segment is to hold a frame. */
const MIN_FPS = 1
/** The rates that pictures are made with. */
const STANDARD: readonly Rational[] = [
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
/** Averages of files miss a rate by less; 24 and 23.976 differ by twice as much. */
const SAME_RATE = 0.0005
/** Longest time between key frames in segments; a player can change the rendition there. */
const SEGMENTED_GOP_SEC = 2
/** In a single file, where a key frame is a place to seek to. */
const FILE_GOP_SEC = 5

type Picture = NonNullable<Probe['video']>

/**
 * The constant frame rate of an output. An even source keeps its own; of more than 60 frames a second every second,
 * third … is taken, for those come evenly again. An uneven source gets the rate of its time stamps where that is an
 * ordinary one, else the next standard rate above its average.
 */
export function outputFps({ fps, rateOfTimes, isVariableFrameRate, isInterlaced }: Picture): Rational {
  if (isVariableFrameRate && !isInterlaced) return variableFps(fps, rateOfTimes)
  const own = STANDARD.find((rate) => isSame(rate, fps)) ?? (isSame(rateOfTimes, fps) ? rateOfTimes : fps)
  return bounded(reduced(own))
}

function variableFps(fps: Rational, rateOfTimes: Rational): Rational {
  if (perSec(rateOfTimes) <= MAX_FPS && perSec(rateOfTimes) >= perSec(fps)) return bounded(reduced(rateOfTimes))
  return STANDARD.find((rate) => perSec(rate) >= perSec(fps) * (1 - SAME_RATE)) ?? { num: MAX_FPS, den: 1 }
}

function bounded(fps: Rational): Rational {
  if (perSec(fps) < MIN_FPS) return { num: MIN_FPS, den: 1 }
  const every = Math.ceil(perSec(fps) / MAX_FPS - SAME_RATE)
  return reduced({ num: fps.num, den: fps.den * every })
}

/** Frames a second as a number. */
export function perSec({ num, den }: Rational): number {
  return num / den
}

function isSame(a: Rational, b: Rational): boolean {
  return Math.abs(perSec(a) / perSec(b) - 1) < SAME_RATE
}

/** Encoders take 32 bits for each part. */
function reduced({ num, den }: Rational): Rational {
  const scale = Math.max(num, den) > 1_000_000 ? 1_000_000 / Math.max(num, den) : 1
  const [a, b] = [Math.max(1, Math.round(num * scale)), Math.max(1, Math.round(den * scale))]
  const divisor = greatestCommonDivisor(a, b)
  return { num: a / divisor, den: b / divisor }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/**
 * Frames from one key frame to the next: a whole number of such groups makes a segment, each of about 2 s. In a single
 * file they are 5 s at most.
 */
export function gopFrames(fps: Rational, segmentSec: number | null): number {
  return Math.max(1, Math.round(perSec(fps) * (segmentSec === null ? FILE_GOP_SEC : segmentSec / gopsOf(segmentSec))))
}

/** Frames in a segment: whole groups, as near to its length as these allow. */
export function segmentFrames(fps: Rational, segmentSec: number): number {
  return gopFrames(fps, segmentSec) * gopsOf(segmentSec)
}

function gopsOf(segmentSec: number): number {
  return Math.max(1, Math.round(segmentSec / SEGMENTED_GOP_SEC))
}
