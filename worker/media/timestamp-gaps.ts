import type { ProbedTrackExtent, TrackTotals } from './packet-tally.ts'

/**
 * A longer gap is a broken clock, not a pause. ffmpeg would fill it with copies: a file of some KB can contain a gap of
 * a day, which is two million frames.
 */
const MAX_GAP_SEC = 3600

export type TrackTiming = { readonly extent: ProbedTrackExtent; readonly totals: TrackTotals }

/** Returns the first gap in the tracks' timestamps as a sentence; `null` for none. Sound may pause during a picture. */
export function findGapProblem(video: TrackTiming | null, audio: TrackTiming | null): string | null {
  const videoGapSec = video?.totals.longestGap.sec ?? 0
  if (videoGapSec > MAX_GAP_SEC) return describeGap(videoGapSec, 'two consecutive frames')
  if (audio === null) return null
  const { sec, endSec } = audio.totals.longestGap
  const isDuringPicture = video !== null && toEndSec(video) > endSec - MAX_GAP_SEC
  if (sec > MAX_GAP_SEC && !isDuringPicture) return describeGap(sec, 'two consecutive packets of sound')
  const betweenSec = video === null ? 0 : measureGapBetween(video, audio)
  return betweenSec > MAX_GAP_SEC ? describeGap(betweenSec, 'its picture and its sound') : null
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
