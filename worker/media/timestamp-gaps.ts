import type { ProbedTrackExtent, TrackTotals } from './packet-tally.ts'

/**
 * A longer gap is a broken clock, not a pause. ffmpeg would fill it with copies: a file of some KB can contain a gap of
 * a day, which is two million frames.
 */
const MAX_GAP_SEC = 3600

export type TrackTiming = { readonly extent: ProbedTrackExtent; readonly totals: TrackTotals }

/** Returns the first gap in the tracks' timestamps as a sentence; `null` for none. Sound may pause during a picture. */
export function findGapProblem(video: TrackTiming | null, audio: TrackTiming | null): string | null {
  const videoGapSec = video === null || isSlideshow(video.totals) ? 0 : video.totals.longestGap.sec
  if (videoGapSec > MAX_GAP_SEC) return describeGap(videoGapSec, 'two consecutive frames')
  if (audio === null) return null
  const { sec, endSec } = audio.totals.longestGap
  const isDuringPicture = video !== null && toEndSec(video) > endSec - MAX_GAP_SEC
  if (sec > MAX_GAP_SEC && !isDuringPicture) return describeGap(sec, 'two consecutive packets of sound')
  const betweenSec = video === null ? 0 : measureGapBetween(video, audio)
  return betweenSec > MAX_GAP_SEC ? describeGap(betweenSec, 'its picture and its sound') : null
}

/** Pictures that are shown for as long are stills. */
const MIN_STILL_SEC = 10
/** Share of the longest time between two stills that they are usually apart; less where the clock is broken. */
const MIN_STILL_SHARE = 0.01

/** Returns whether a picture consists of stills: one is usually shown about as long as the one that is shown longest. */
function isSlideshow({ times, longestGap }: TrackTotals): boolean {
  return findUsualStep(times) >= Math.max(MIN_STILL_SEC, longestGap.sec * MIN_STILL_SHARE)
}

/** Returns the median time between two pictures, in seconds; the lower one of two, and 0 for a single picture. */
export function findUsualStep(times: readonly number[]): number {
  // A typed array lies outside the heap: there may be millions of frames.
  const sorted = Float64Array.from(times).toSorted()
  const steps = sorted.subarray(1).map((time, i) => time - (sorted[i] ?? time))
  return steps.toSorted()[Math.floor((steps.length - 1) / 2)] ?? 0
}

function measureGapBetween(a: TrackTiming, b: TrackTiming): number {
  return Math.max(a.extent.startSec, b.extent.startSec) - Math.min(toEndSec(a), toEndSec(b))
}

function toEndSec({ extent }: TrackTiming): number {
  return extent.startSec + extent.durationSec
}

function describeGap(sec: number, where: string): string {
  return `its clock is broken: ${Math.round(sec)} s lie between ${where}`
}
