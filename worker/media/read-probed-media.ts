import { type FfprobeOutput, type FfprobeStream, readHeaderDurationSec } from './ffprobe-output.ts'
import { findEndMismatch } from './end-mismatch.ts'
import {
  measureTrackExtent,
  type PacketTally,
  type ProbedTrackExtent,
  readHeaderExtent,
  type TrackTotals,
} from './packet-tally.ts'
import type { MediaProbeResult, ProbedMedia } from './probed-media.ts'
import { hasResettableClock } from './steady-clock.ts'
import { findGapProblem, type TrackTiming } from './timestamp-gaps.ts'
import { readHeaderFps, readVideoTrack } from './video-track.ts'

/** Longer durations are those of a broken index. */
const MAX_DURATION_SEC = 100 * 3600

/** Demuxers of formats without a duration, which ffmpeg guesses from the bit rate of the first packets. */
const GUESSED_DURATION = ['mp3', 'aac', 'ac3', 'eac3', 'dts', 'amr', 'h264', 'hevc', 'obu', 'm4v', 'mpegvideo']

/** Removes durations that ffprobe only guessed, and everything derived from them. */
export function withoutGuessedDurations(media: FfprobeOutput): FfprobeOutput {
  const { format_name: format } = media.format
  return GUESSED_DURATION.includes(format) || hasResettableClock(format) ? withoutHeaderDurations(media) : media
}

/** Removes all durations that come from headers. */
function withoutHeaderDurations({ packets, streams, format }: FfprobeOutput): FfprobeOutput {
  return {
    packets,
    streams: streams.map((stream) => ({ ...stream, duration: undefined, tags: {} })),
    format: { ...format, duration: undefined, bit_rate: undefined },
  }
}

/** Returns the indexes of the main tracks. */
export function listMainTracks(media: FfprobeOutput): readonly number[] {
  return Object.values(chooseMainTracks(media)).flatMap((stream) => (stream === undefined ? [] : [stream.index]))
}

/** Returns whether the headers of the main tracks are complete. */
export function hasCompleteHeaders(media: FfprobeOutput): boolean {
  const { video, audio } = chooseMainTracks(media)
  const isKnown = (stream: FfprobeStream | undefined) =>
    stream === undefined || (readHeaderDurationSec(stream) ?? 0) > 0
  return isKnown(video) && isKnown(audio) && (video === undefined || readHeaderFps(video) !== null)
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
  media: FfprobeOutput,
  reading: PacketReading,
  sizeBytes: number,
): Exclude<MediaProbeResult, { readonly kind: 'failed' }> {
  const streams = chooseMainTracks(media)
  const video = streams.video === undefined ? null : readVideoTrack(streams.video, readTotals(streams.video, reading))
  const audio = streams.audio === undefined ? null : readAudioTrack(streams.audio, readTotals(streams.audio, reading))
  if (typeof video === 'string') return { kind: 'invalid', reason: video }
  if (typeof audio === 'string') return { kind: 'invalid', reason: audio }
  const tracks = [video, audio].filter((track) => track !== null)
  if (tracks.length === 0) return { kind: 'invalid', reason: 'the file holds neither picture nor sound' }
  const durationSec = measureDurationSec(tracks)
  const tally = reading.whole ?? reading.head
  const problem = findGapProblem(toTiming(video, tally), toTiming(audio, tally)) ?? findDurationProblem(durationSec)
  if (problem !== null) return { kind: 'invalid', reason: problem }
  const endMismatch = findEndMismatch(media, [video, audio], reading.breaksOff)
  const { format } = endMismatch === null ? media : withoutHeaderDurations(media)
  return { kind: 'ok', probe: { ...readFormat(format, durationSec, sizeBytes), sizeBytes, video, audio, endMismatch } }
}

/** Returns the totals of a track. Its header determines its extent where not all packets were read. */
function readTotals(stream: FfprobeStream, { head, whole }: PacketReading): TrackTotals {
  const first = head.totalsOf(stream.index)
  if (whole === null) return { ...first, packets: 0 }
  // The head is enough to see whether frame durations vary, unless the average rate is to be counted as well.
  const isRateKnown = readHeaderExtent(stream) !== null && readHeaderFps(stream) !== null
  return isRateKnown ? { ...whole.totalsOf(stream.index), times: first.times } : whole.totalsOf(stream.index)
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

/** Chooses the first picture track that is not a cover, and the sound track that players prefer. */
function chooseMainTracks({ streams }: FfprobeOutput): {
  video: FfprobeStream | undefined
  audio: FfprobeStream | undefined
} {
  const video = streams.find(
    ({ codec_type, disposition }) =>
      codec_type === 'video' && disposition.attached_pic === 0 && disposition.timed_thumbnails === 0,
  )
  const [audio] = streams
    .filter(({ codec_type, channels, sample_rate = 0 }) => codec_type === 'audio' && channels > 0 && sample_rate > 0)
    .toSorted((a, b) => b.disposition.default - a.disposition.default || b.channels - a.channels)
  return { video, audio }
}

/** Reads a sound track; a text is the reason why it cannot be encoded. */
function readAudioTrack(stream: FfprobeStream, totals: TrackTotals): ProbedMedia['audio'] | string {
  if (stream.codec_name === undefined) return 'the sound has a codec that cannot be decoded'
  if (stream.codec_tag_string === 'enca') return 'the sound is encrypted'
  const { index, codec_name: codec, channels, sample_rate: sampleRate = 0 } = stream
  return { index, codec, channels, sampleRate, ...measureTrackExtent(stream, totals) }
}
