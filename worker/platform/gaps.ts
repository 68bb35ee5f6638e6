import { toNumber, toRational } from './probed-media.ts'
import { type Extent, headerDurationSec, type Played, type RawStream } from './raw-media.ts'

/**
 * A longer time without anything is no pause, but a clock that jumped. ffmpeg would fill it: a day of it, which a file of
 * some KB can hold, are two million copies of one picture.
 */
const MAX_GAP_SEC = 3600

/** Demuxers of formats in which each packet has a time of its own; in others, times are no more than counted. */
const WITH_TIMES = /^(?:mov|matroska|flv|asf|nut|ivf|rm|wtv)\b/

/** Whether, for all that its header says, there is room for such a gap behind those packets that `played` is of. */
export function mayHideGap(format: string, stream: RawStream, played: Played): boolean {
  const durationSec = headerDurationSec(stream) ?? 0
  if (durationSec <= MAX_GAP_SEC || !WITH_TIMES.test(format)) return false
  if (stream.nb_frames === undefined) return true
  const rate = toRational(stream.r_frame_rate)
  const frameSec = rate === null ? played.durationSec / Math.max(1, played.packets) : 1 / toNumber(rate)
  return durationSec - stream.nb_frames * frameSec > MAX_GAP_SEC
}

/** A track, and what its packets tell of it. */
export type Laid = { readonly extent: Extent; readonly played: Played }

/** Says of tracks that their clock jumped, if it did. Sound may pause for as long as a picture goes on. */
export function gapProblem(video: Laid | null, audio: Laid | null): string | null {
  const picture = video?.played.longestGap.sec ?? 0
  if (picture > MAX_GAP_SEC) return problem(picture, 'two pictures that follow one another')
  if (audio === null) return null
  const { sec, endSec } = audio.played.longestGap
  const isFilled = video !== null && endOf(video) > endSec - MAX_GAP_SEC
  if (sec > MAX_GAP_SEC && !isFilled) return problem(sec, 'two pieces of sound that follow one another')
  const apartSec = video === null ? 0 : between(video, audio)
  return apartSec > MAX_GAP_SEC ? problem(apartSec, 'its picture and its sound') : null
}

function between(a: Laid, b: Laid): number {
  return Math.max(a.extent.startSec, b.extent.startSec) - Math.min(endOf(a), endOf(b))
}

function endOf({ extent }: Laid): number {
  return extent.startSec + extent.durationSec
}

function problem(sec: number, where: string): string {
  return `its clock is broken: ${Math.round(sec)} s lie between ${where}`
}
