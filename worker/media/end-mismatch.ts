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
  const { start_time: startSec = 0 } = format
  const tracks = mainTracks.filter((track) => track !== null)
  const actualSec = Math.max(...tracks.map((track) => track.startSec + track.durationSec)) - startSec
  const main = streams.filter(({ index }) => tracks.some((track) => track.index === index))
  const extents = main.map(readHeaderExtent).filter((extent) => extent !== null)
  const declaredSec = declaredEndSec(extents, { startSec, actualSec, fileSec: format.duration ?? actualSec })
  if (!isCut && Math.abs(declaredSec - actualSec) <= TOLERANCE_SEC) return null
  const isListed = extents.length > 0 && !isFragmented(format.format_name, main)
  const lacksData = isListed && declaredSec > actualSec && mayBreakOff(format.format_name, isCut)
  if (lacksData) return { kind: 'incomplete', declaredSec, actualSec }
  return { kind: isCut ? 'cut' : 'header', declaredSec, actualSec }
}

/** Returns whether a file may break off: one of a format whose demuxer reports that does only where it was reported. */
function mayBreakOff(format: string, isCut: boolean): boolean {
  return isCut || !REPORTING.test(format)
}

/**
 * Returns the end that headers declare: that of the file where no track has one. Of a track with a pause before it, ffprobe
 * counts the duration now from the end of the pause and now from the start of the file: the data decides.
 */
function declaredEndSec(
  extents: readonly ProbedTrackExtent[],
  { startSec, actualSec, fileSec }: { readonly startSec: number; readonly actualSec: number; readonly fileSec: number },
): number {
  if (extents.length === 0) return fileSec
  const withPause = Math.max(...extents.map((extent) => extent.startSec + extent.durationSec)) - startSec
  const fromStart = Math.max(...extents.map(({ durationSec }) => durationSec))
  return Math.abs(fromStart - actualSec) < Math.abs(withPause - actualSec) ? fromStart : withPause
}

/** Returns whether an MP4 lists its samples in fragments: only those of the last one can be missing then. */
function isFragmented(format: string, streams: FfprobeOutput['streams']): boolean {
  return format.startsWith('mov') && streams.every(({ nb_frames: frames }) => frames === undefined)
}
