import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { type MediaSegment, runFfmpegOnSegment } from '../../media/ffmpeg.ts'
import type { TrackKind } from '../stream.ts'
import {
  type DecodeDepth,
  buildDecoderArgs,
  type DecoderOutput,
  findTrackWithoutPackets,
  parseDecoderOutput,
  type TrackOutput,
} from './decoder-output.ts'
import type { MeasuredSegment } from './detection-spans.ts'
import type { Detector } from './detectors/detector.ts'
import { computeLengthSec, measureSegment } from './track-extents.ts'

/** The bytes of a segment and its duration in the playlist. */
export type TimedSegment = MediaSegment & { readonly durationSec: number }

/** A segment after one ffmpeg run, ready for the search for spans. */
export type DecodedSegment = MeasuredSegment & { readonly kind: 'decoded' }
export type DecodeFailure = { readonly kind: 'failed'; readonly error: string }

/** Decodes a segment at a depth: one ffmpeg run, and one more for each declared track that has no packets. */
export type SegmentDecoder = (segment: TimedSegment, depth: DecodeDepth) => Promise<DecodedSegment | DecodeFailure>

/** A segment with less than this share of its duration was cut off in transit. */
const MIN_PRESENT_SHARE = 0.5

type SegmentDecoderOptions = {
  readonly ffmpegPath: string
  readonly config: MonitorConfig
  readonly detectors: readonly Detector[]
  /** Deadline of all runs together, on the clock of `performance.now()`. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

/** Creates a decoder whose runs share one deadline. */
export function createSegmentDecoder(options: SegmentDecoderOptions): SegmentDecoder {
  const { ffmpegPath, config, detectors, deadlineMs, signal } = options

  async function decodeTracks(
    tracks: readonly TrackKind[],
    segment: TimedSegment,
    depth: DecodeDepth,
  ): Promise<DecodedSegment | DecodeFailure> {
    const timeoutMs = Math.max(1, deadlineMs - performance.now())
    const run = { timeoutMs, signal, ...buildDecoderArgs(detectors, config, { depth, tracks }) }
    const result = await runFfmpegOnSegment(ffmpegPath, segment, run)
    if (result.kind === 'done') return toDecodedSegment(parseDecoderOutput(result, detectors), segment, depth)
    const missing = findTrackWithoutPackets(result.error)
    const others = tracks.filter((track) => track !== missing)
    if (others.length === tracks.length) return result
    return others.length === 0 ? fail(NO_TRACKS) : decodeTracks(others, segment, depth)
  }

  return (segment, depth) => decodeTracks(['picture', 'sound'], segment, depth)
}

const NO_TRACKS = 'segment holds neither picture nor sound'

/** Measures a decoder's output, or says why it cannot be analyzed. */
function toDecodedSegment(
  output: DecoderOutput,
  { durationSec }: TimedSegment,
  depth: DecodeDepth,
): DecodedSegment | DecodeFailure {
  const extents = measureSegment(output, durationSec)
  if (extents === null) return fail(NO_TRACKS)
  if (depth.picture === 'all' && isUndecodable(output.picture)) return fail('picture cannot be decoded')
  if (depth.sound && isUndecodable(output.sound)) return fail('sound cannot be decoded')
  const presentSec = computeLengthSec(extents.picture)
  if (presentSec >= durationSec * MIN_PRESENT_SHARE) return { kind: 'decoded', output, extents, durationSec }
  return fail(`segment holds ${presentSec.toFixed(1)} of its ${durationSec.toFixed(1)} s`)
}

function isUndecodable({ packets, frames }: TrackOutput): boolean {
  return packets.length > 0 && frames.length === 0
}

function fail(error: string): DecodeFailure {
  return { kind: 'failed', error }
}
