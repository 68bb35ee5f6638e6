import type { FfprobeOutput } from './ffprobe-output.ts'
import { type ProbedTrackExtent, readHeaderExtent } from './packet-tally.ts'
import type { EndMismatch, ProbedMedia } from './probed-media.ts'

/** Smaller differences are rounding, or the frame that a decoder would still yield. */
const TOLERANCE_SEC = 0.25

/** What ffmpeg's demuxers of MP4 and Matroska report where the file ends within a packet or an element. */
const BREAK = /: partial file|File ended prematurely/

/** Demuxers that report such an end. */
const REPORTING = /^(?:mov|matroska)\b/

/** Returns whether a demuxer has reported that the file breaks off. */
export function breaksOff(stderr: string): boolean {
  return BREAK.test(stderr)
}

/**
 * Compares the end of the main tracks' data with the end that headers declare: those of the tracks or, where they have none,
 * of the file. Returns `null` where they agree.
 */
export function findEndMismatch(
  { streams, format }: FfprobeOutput,
  mainTracks: readonly (ProbedMedia['video'] | ProbedMedia['audio'])[],
  isCut: boolean,
): EndMismatch | null {
  const startSec = startOf(format)
  const tracks = mainTracks.filter((track) => track !== null)
  const actualSec = Math.max(...tracks.map((track) => track.startSec + track.durationSec)) - startSec
  const main = streams.filter(({ index }) => tracks.some((track) => track.index === index))
  const extents = main.map(readHeaderExtent).filter((extent) => extent !== null)
  const hasDurations = extents.length > 0
  const declaredSec = hasDurations ? declaredEndSec(extents, { startSec, actualSec }) : (format.duration ?? actualSec)
  if (!isCut && Math.abs(declaredSec - actualSec) <= TOLERANCE_SEC) return null
  const isListed = hasDurations && !isFragmented(format.format_name, main)
  const lacksData = isListed && declaredSec > actualSec && (isCut || !REPORTING.test(format.format_name))
  return { kind: lacksData ? 'incomplete' : nameEnd(isCut), declaredSec, actualSec }
}

function startOf({ start_time: startSec = 0 }: FfprobeOutput['format']): number {
  return startSec
}

function nameEnd(isCut: boolean): 'cut' | 'header' {
  return isCut ? 'cut' : 'header'
}

/**
 * Returns the end that headers declare. Of a track with a pause before it, ffprobe counts the duration now from the end of
 * the pause and now from the start of the file: the meaning that the data confirms counts.
 */
function declaredEndSec(
  extents: readonly ProbedTrackExtent[],
  { startSec, actualSec }: { readonly startSec: number; readonly actualSec: number },
): number {
  const withPause = Math.max(...extents.map((extent) => extent.startSec + extent.durationSec)) - startSec
  const fromStart = Math.max(...extents.map(({ durationSec }) => durationSec))
  return Math.abs(fromStart - actualSec) < Math.abs(withPause - actualSec) ? fromStart : withPause
}

/** Returns whether an MP4 lists its samples in fragments: only those of the last one can be missing then. */
function isFragmented(format: string, streams: FfprobeOutput['streams']): boolean {
  return format.startsWith('mov') && streams.every(({ nb_frames: frames }) => frames === undefined)
}
