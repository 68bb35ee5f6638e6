import { gapProblem, type Laid, mayHideGap } from './gaps.ts'
import type { Probe } from './probed-media.ts'
import {
  type Extent,
  extentOf,
  headerDurationSec,
  type Played,
  type RawMedia,
  type RawStream,
  type Tally,
} from './raw-media.ts'
import { hasResettableClock } from './steady-clock.ts'
import { headerFps, readVideo } from './video-track.ts'

/** What lasts longer is taken for a broken index. */
const MAX_DURATION_SEC = 100 * 3600

type Read = { readonly kind: 'ok'; readonly probe: Probe } | { readonly kind: 'invalid'; readonly reason: string }

/** Demuxers that have no length to read: ffmpeg guesses one from the first packets' bit rate. */
const OF_GUESSED_LENGTH = ['mp3', 'aac', 'ac3', 'eac3', 'dts', 'amr', 'h264', 'hevc', 'obu', 'm4v', 'mpegvideo']

/** Leaves out lengths, and what follows from them, that are no more than guesses: the packets have the true ones. */
export function withoutGuesses(media: RawMedia): RawMedia {
  const { format_name: format } = media.format
  return OF_GUESSED_LENGTH.includes(format) || hasResettableClock(format) ? withoutLengths(media) : media
}

/** Leaves out all that headers say of lengths. */
export function withoutLengths({ packets, streams, format }: RawMedia): RawMedia {
  return {
    packets,
    streams: streams.map((stream) => ({ ...stream, duration: undefined, tags: {} })),
    format: { ...format, duration: undefined, bit_rate: undefined },
  }
}

/** The tracks that count, by their indexes. */
export function chosenTracks(media: RawMedia): readonly number[] {
  return Object.values(choose(media)).flatMap((stream) => (stream === undefined ? [] : [stream.index]))
}

/** Whether the headers say all that is needed of the tracks that count; otherwise every packet has to be looked at. */
export function isComplete(media: RawMedia): boolean {
  const { video, audio } = choose(media)
  const isKnown = (stream: RawStream | undefined) => stream === undefined || (headerDurationSec(stream) ?? 0) > 0
  return isKnown(video) && isKnown(audio) && (video === undefined || headerFps(video) !== null)
}

/** Whether a track may have a gap, behind those packets that were looked at, of which its header does not tell. */
export function maySkip(media: RawMedia, tally: Tally): boolean {
  return Object.values(choose(media)).some(
    (stream) => stream !== undefined && mayHideGap(media.format.format_name, stream, tally.of(stream.index)),
  )
}

/**
 * Makes a probe of what ffprobe said. `tally` is of all packets or, where the headers are complete, of those at the
 * beginning. Invalid: neither picture nor sound, a picture that is too large, no frame rate or one above
 * 240, no duration, a clock that jumped.
 */
export function readProbe(media: RawMedia, tally: Tally, sizeBytes: number): Read {
  const { video: videoStream, audio: audioStream } = choose(media)
  const video = videoStream === undefined ? null : readVideo(videoStream, tally.of(videoStream.index))
  const audio = audioStream === undefined ? null : readAudio(audioStream, tally.of(audioStream.index))
  if (typeof video === 'string') return invalid(video)
  if (typeof audio === 'string') return invalid(audio)
  const tracks = [video, audio].filter((track) => track !== null)
  if (tracks.length === 0) return invalid('the file holds neither picture nor sound')
  const gap = gapProblem(laid(video, tally), laid(audio, tally))
  if (gap !== null) return invalid(gap)
  const lengthSec = lengthOf(tracks)
  if (lengthSec === 0) return invalid('the file lasts no time at all')
  if (lengthSec > MAX_DURATION_SEC) return invalid('the file says that it lasts for days')
  return { kind: 'ok', probe: { ...readFormat(media, lengthSec, sizeBytes), sizeBytes, video, audio } }
}

function laid(track: (Extent & { readonly index: number }) | null, tally: Tally): Laid | null {
  return track && { extent: track, played: tally.of(track.index) }
}

function readFormat({ format }: RawMedia, lengthSec: number, sizeBytes: number) {
  const { format_name, start_time: startSec = 0, duration: durationSec = lengthSec } = format
  const { bit_rate = (sizeBytes * 8) / durationSec } = format
  return { format: format_name, durationSec, bitRateKbps: Math.round(bit_rate / 1000), startSec }
}

function invalid(reason: string): Read {
  return { kind: 'invalid', reason }
}

function lengthOf(tracks: readonly Extent[]): number {
  const firstSec = Math.min(...tracks.map(({ startSec }) => startSec))
  const lastSec = Math.max(...tracks.map(({ startSec, durationSec }) => startSec + durationSec))
  return Math.max(0, lastSec - firstSec)
}

/** The first picture track that is no cover, and the sound track that a player would take. */
function choose({ streams }: RawMedia): { video: RawStream | undefined; audio: RawStream | undefined } {
  const video = streams.find(
    ({ codec_type, disposition }) =>
      codec_type === 'video' && disposition.attached_pic === 0 && disposition.timed_thumbnails === 0,
  )
  const [audio] = streams
    .filter(({ codec_type, channels, sample_rate = 0 }) => codec_type === 'audio' && channels > 0 && sample_rate > 0)
    .toSorted((a, b) => b.disposition.default - a.disposition.default || b.channels - a.channels)
  return { video, audio }
}

function readAudio(stream: RawStream, played: Played): Probe['audio'] | string {
  if (stream.codec_name === undefined) return 'the sound is of a kind that cannot be decoded'
  if (stream.codec_tag_string === 'enca') return 'the sound is encrypted'
  const { index, codec_name: codec, channels, sample_rate: sampleRate = 0 } = stream
  return { index, codec, channels, sampleRate, ...extentOf(stream, played) }
}
