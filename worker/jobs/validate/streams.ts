import type { VideoCodec } from '../../../shared/contract/presets.ts'
import type { OutputPlan, PlannedRendition } from '../plan/output-plan.ts'
import { errorFinding, type Finding } from './findings.ts'
import type { PlannedTrack } from './planned-tracks.ts'
import type { OutputStream } from './probe-output.ts'

/**
 * Each codec's name in ffprobe, its tag in MP4, and the profiles that players support. Of the tags for HEVC, Apple's
 * players support `hvc1` only (HLS Authoring Specification 1.10).
 */
const CODECS: Readonly<Record<VideoCodec, { name: string; tag: string; profiles: readonly string[] }>> = {
  h264: { name: 'h264', tag: 'avc1', profiles: ['Constrained Baseline', 'Baseline', 'Main', 'High'] },
  h265: { name: 'hevc', tag: 'hvc1', profiles: ['Main'] },
  av1: { name: 'av1', tag: 'av01', profiles: ['Main'] },
}

/** 8-bit SDR, which every player supports. */
const PIXEL_FORMAT = 'yuv420p'

/** Relative tolerance for rounded timestamps; 30 and 30000/1001 differ by twice as much. */
const FRAME_RATE_TOLERANCE = 0.0005

/** Checks that the streams of a track have the planned codecs, properties and size. */
export function checkStreams(
  streams: readonly OutputStream[],
  track: PlannedTrack,
  { plan, file }: { readonly plan: OutputPlan; readonly file: string },
): readonly Finding[] {
  const video = streams.find(({ codec_type }) => codec_type === 'video')
  const audio = streams.find(({ codec_type }) => codec_type === 'audio')
  return [
    ...(video === undefined ? [] : checkVideoStream(video, plan, file)),
    ...(video === undefined || track.video === null ? [] : checkResolution(video, track.video, file)),
    ...(audio === undefined ? [] : checkAudioStream(audio, plan, file)),
  ]
}

/** Checks codec, profile, tag, pixel format and frame rate. */
function checkVideoStream(stream: OutputStream, plan: OutputPlan, file: string): readonly Finding[] {
  if (plan.video === null) return []
  const expected = CODECS[plan.video.codec]
  const fps = plan.video.fps.num / plan.video.fps.den
  const mismatches = [
    describeMismatch('codec', stream.codec_name, [expected.name]),
    describeMismatch('profile', stream.profile, expected.profiles),
    // Tags of MPEG-2 TS are numbers.
    plan.container === 'hls' ? null : describeMismatch('tag', stream.codec_tag_string, [expected.tag]),
    describeMismatch('pixel format', stream.pix_fmt, [PIXEL_FORMAT]),
    hasPlannedFrameRate(stream, plan, fps)
      ? null
      : `frame rate is ${(stream.avg_frame_rate ?? stream.r_frame_rate)?.toFixed(3)}, not ${fps.toFixed(3)}`,
  ]
  return toFindings(mismatches, file)
}

/** Checks codec, profile, sample rate and channels. */
function checkAudioStream(stream: OutputStream, { audio }: OutputPlan, file: string): readonly Finding[] {
  if (audio === null) return []
  const mismatches = [
    describeMismatch('codec', stream.codec_name, ['aac']),
    describeMismatch('profile', stream.profile, ['LC']),
    describeMismatch('sample rate', String(stream.sample_rate), [String(audio.sampleRate)]),
    describeMismatch('number of channels', String(stream.channels), [String(audio.channels)]),
  ]
  return toFindings(mismatches, file)
}

function checkResolution({ width, height }: OutputStream, planned: PlannedRendition, file: string): readonly Finding[] {
  if (width === planned.width && height === planned.height) return []
  const message = `resolution is ${width}x${height}, not ${planned.width}x${planned.height}`
  return [errorFinding('RESOLUTION_MISMATCH', file, message)]
}

/**
 * Returns whether a stream has the planned frame rate. For a single file that is the average over all frames. ffprobe
 * estimates the average of a set from its first segment, so `r_frame_rate` counts too. A single frame has no rate.
 */
function hasPlannedFrameRate(
  { avg_frame_rate, r_frame_rate }: OutputStream,
  { container }: OutputPlan,
  fps: number,
): boolean {
  const candidates = container === 'mp4' ? [avg_frame_rate] : [avg_frame_rate, r_frame_rate]
  const rates = candidates.filter((rate) => rate !== null)
  return rates.length === 0 || rates.some((rate) => Math.abs(rate / fps - 1) <= FRAME_RATE_TOLERANCE)
}

function describeMismatch(property: string, actual: string, expected: readonly string[]): string | null {
  return expected.includes(actual) ? null : `${property} is ${actual}, not ${expected.join(' or ')}`
}

function toFindings(mismatches: readonly (string | null)[], file: string): readonly Finding[] {
  return mismatches.flatMap((mismatch) => (mismatch === null ? [] : [errorFinding('CODEC_MISMATCH', file, mismatch)]))
}
