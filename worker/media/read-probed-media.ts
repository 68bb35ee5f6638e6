import { chooseTracks, type TrackChoice } from './choose-tracks.ts'
import { findEndMismatch } from './end-mismatch.ts'
import { type FfprobeOutput, type FfprobeStream, type InspectedFile, readHeaderDurationSec } from './ffprobe-output.ts'
import {
  measureTrackExtent,
  type PacketTally,
  type ProbedTrackExtent,
  readHeaderExtent,
  type TrackTotals,
} from './packet-tally.ts'
import type { MediaProbeResult, ProbedMedia, TrackProblem } from './probed-media.ts'
import { hasResettableClock } from './steady-clock.ts'
import { findGapProblem, type TrackTiming } from './timestamp-gaps.ts'
import { readHeaderFps, readVideoTrack } from './video-track.ts'

/** Longer durations are those of a broken index. */
const MAX_DURATION_SEC = 100 * 3600

/** Demuxers of formats without a duration, which ffmpeg guesses from the bit rate of the first packets. */
const GUESSED_DURATION = ['mp3', 'aac', 'ac3', 'eac3', 'dts', 'amr', 'h264', 'hevc', 'obu', 'm4v', 'mpegvideo']

/** Removes durations that ffprobe only guessed, and everything derived from them. */
export function withoutGuessedDurations(media: InspectedFile): InspectedFile {
  const { format_name: format } = media.format
  return GUESSED_DURATION.includes(format) || hasResettableClock(format) ? withoutHeaderDurations(media) : media
}

/** Removes all durations that come from headers. */
function withoutHeaderDurations(media: InspectedFile): InspectedFile {
  return {
    ...media,
    streams: media.streams.map((stream) => ({
      ...stream,
      duration: undefined,
      tags: { ...stream.tags, DURATION: undefined },
    })),
    format: { ...media.format, duration: undefined, bit_rate: undefined },
  }
}

/** Returns the indexes of the main tracks. */
export function listMainTracks(media: InspectedFile): readonly number[] {
  return mainTracksOf(media).map(({ index }) => index)
}

/** Returns whether the headers of the main tracks are complete. */
export function hasCompleteHeaders(media: InspectedFile): boolean {
  return mainTracksOf(media).every(
    (stream) =>
      (readHeaderDurationSec(stream) ?? 0) > 0 && (stream.codec_type === 'audio' || readHeaderFps(stream) !== null),
  )
}

/** The packets of a file. */
export type PacketReading = {
  /** The first ones, which show whether frame durations vary. */
  readonly head: PacketTally
  /** All of them; `null` where there are too many to read. */
  readonly whole: PacketTally | null
  /** The demuxer reported that the file breaks off. */
  readonly breaksOff: boolean
}

/**
 * Interprets ffprobe's output and the packets of the file. Invalid: neither picture nor sound, a picture that is too large,
 * no frame rate or one above 240, no duration, a gap in the timestamps.
 */
export function readProbedMedia(
  media: InspectedFile,
  reading: PacketReading,
  sizeBytes: number,
): Exclude<MediaProbeResult, { readonly kind: 'failed' }> {
  const choice = chooseTracks(media)
  const { video: videoStream, audio: audioStream } = choice
  const video = videoStream === undefined ? null : readVideoTrack(videoStream, readTotals(videoStream, reading))
  const audio = audioStream === undefined ? null : readAudioTrack(audioStream, readTotals(audioStream, reading))
  if (typeof video === 'string') return readProbedMedia(withRefusedPicture(media, choice, video), reading, sizeBytes)
  const tracks = [video, audio].filter((track) => track !== null)
  if (tracks.length === 0) return { kind: 'invalid', reason: describeMissingTracks(choice) }
  const durationSec = measureDurationSec(tracks)
  const tally = reading.whole ?? reading.head
  const problem = findGapProblem(toTiming(video, tally), toTiming(audio, tally)) ?? findDurationProblem(durationSec)
  if (problem !== null) return { kind: 'invalid', reason: problem }
  const endMismatch = findEndMismatch(media, [video, audio], reading.breaksOff)
  const { format } = endMismatch === null ? media : withoutHeaderDurations(media)
  const found = { video, audio, tracks: [...choice.tracks], problems: choice.problems }
  return { kind: 'ok', probe: { ...readFormat(format, durationSec, sizeBytes), sizeBytes, ...found, endMismatch } }
}

/** Returns the totals of a track. Its header determines its extent where not all packets were read. */
function readTotals(stream: FfprobeStream, { head, whole }: PacketReading): TrackTotals {
  const first = head.totalsOf(stream.index)
  if (whole === null) return { ...first, packets: 0 }
  // The head is enough to see whether frame durations vary, unless the average rate is to be counted as well.
  const isRateKnown = readHeaderExtent(stream) !== null && readHeaderFps(stream) !== null
  return isRateKnown ? { ...whole.totalsOf(stream.index), times: first.times } : whole.totalsOf(stream.index)
}

/** Returns the file without its chosen picture, so that another one is chosen where there is one. */
function withRefusedPicture(media: InspectedFile, { video }: TrackChoice, reason: string): InspectedFile {
  const problem: TrackProblem = { kind: 'refused', reason }
  return { ...media, problems: new Map([...(media.problems ?? []), [video?.index ?? -1, problem]]) }
}

function describeMissingTracks({ problems }: TrackChoice): string {
  const [first] = [problems.video, problems.audio]
    .filter((problem) => problem !== null && problem.kind !== 'preview')
    .toSorted((a, b) => Number(b?.kind === 'refused') - Number(a?.kind === 'refused'))
  return first?.reason ?? 'the file holds neither picture nor sound'
}

function toTiming(
  track: (ProbedTrackExtent & { readonly index: number }) | null,
  tally: PacketTally,
): TrackTiming | null {
  return track && { extent: track, totals: tally.totalsOf(track.index) }
}

function readFormat(format: FfprobeOutput['format'], tracksSec: number, sizeBytes: number) {
  const { format_name, start_time: startSec = 0, duration: durationSec = tracksSec } = format
  const { bit_rate = (sizeBytes * 8) / durationSec } = format
  return { format: format_name, durationSec, bitRateKbps: Math.round(bit_rate / 1000), startSec }
}

/** Returns the time from the start of the first track to the end of the last. */
function measureDurationSec(tracks: readonly ProbedTrackExtent[]): number {
  const firstSec = Math.min(...tracks.map(({ startSec }) => startSec))
  const lastSec = Math.max(...tracks.map(({ startSec, durationSec }) => startSec + durationSec))
  return Math.max(0, lastSec - firstSec)
}

function findDurationProblem(durationSec: number): string | null {
  if (durationSec === 0) return 'the file has a duration of zero'
  return durationSec > MAX_DURATION_SEC ? 'the file claims a duration of more than 100 hours' : null
}

function mainTracksOf(media: InspectedFile): readonly FfprobeStream[] {
  const { video, audio } = chooseTracks(media)
  return [video, audio].filter((stream) => stream !== undefined)
}

function readAudioTrack(stream: FfprobeStream, totals: TrackTotals): NonNullable<ProbedMedia['audio']> {
  const { index, codec_name: codec = '', channels, sample_rate: sampleRate = 0 } = stream
  return { index, codec, channels, sampleRate, ...measureTrackExtent(stream, totals) }
}
