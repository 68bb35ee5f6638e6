import type { VideoCodec } from '../../../shared/contract/presets.ts'
import type { OutputPlan } from '../output-plan.ts'
import { fault, type Finding } from './findings.ts'
import type { Stream } from './media.ts'
import type { PlannedRendition } from '../output-plan.ts'

/**
 * What each codec is to look like: ffprobe's name, the profiles that players take, and the tag in MP4. `hvc1` is the
 * only one of HEVC that Apple's players take (HLS Authoring Specification 1.10).
 */
const CODECS: Readonly<Record<VideoCodec, { name: string; tag: string; profiles: readonly string[] }>> = {
  h264: { name: 'h264', tag: 'avc1', profiles: ['Constrained Baseline', 'Baseline', 'Main', 'High'] },
  h265: { name: 'hevc', tag: 'hvc1', profiles: ['Main'] },
  av1: { name: 'av1', tag: 'av01', profiles: ['Main'] },
}

/** SDR of 8 bits, the one that every player shows. */
const PIXEL_FORMAT = 'yuv420p'

/** Time stamps are rounded: by so much may a frame rate seem to differ. 30 and 30000/1001 differ by twice as much. */
const RATE_TOLERANCE = 0.0005

/** Codec, profile, tag, pixel format and frame rate of a picture are as planned. */
export function checkPicture(stream: Stream, plan: OutputPlan, file: string): readonly Finding[] {
  if (plan.video === null) return []
  const wanted = CODECS[plan.video.codec]
  const fps = plan.video.fps.num / plan.video.fps.den
  const problems = [
    differs('codec', stream.codec_name, [wanted.name]),
    differs('profile', stream.profile, wanted.profiles),
    // MPEG-2 TS has numbers for tags.
    plan.container === 'hls' ? null : differs('tag', stream.codec_tag_string, [wanted.tag]),
    differs('pixel format', stream.pix_fmt, [PIXEL_FORMAT]),
    isRate(stream, plan, fps)
      ? null
      : `frame rate is ${(stream.avg_frame_rate ?? stream.r_frame_rate)?.toFixed(3)}, not ${fps.toFixed(3)}`,
  ]
  return toFaults(problems, file)
}

/** Codec, profile, sample rate and channels of a sound are as planned. */
export function checkSound(stream: Stream, { audio }: OutputPlan, file: string): readonly Finding[] {
  if (audio === null) return []
  const problems = [
    differs('codec', stream.codec_name, ['aac']),
    differs('profile', stream.profile, ['LC']),
    differs('sample rate', String(stream.sample_rate), [String(audio.sampleRate)]),
    differs('number of channels', String(stream.channels), [String(audio.channels)]),
  ]
  return toFaults(problems, file)
}

/** The picture is as large as planned. */
export function checkSize({ width, height }: Stream, planned: PlannedRendition, file: string): readonly Finding[] {
  if (width === planned.width && height === planned.height) return []
  const message = `picture is ${width}x${height}, not ${planned.width}x${planned.height}`
  return [fault('RESOLUTION_MISMATCH', file, message)]
}

/**
 * One file tells its average over all frames; of segments only the first is looked at, and its average is a guess where
 * it is short. A single frame has no rate.
 */
function isRate({ avg_frame_rate, r_frame_rate }: Stream, { container }: OutputPlan, fps: number): boolean {
  const averages = container === 'mp4' ? [avg_frame_rate] : [avg_frame_rate, r_frame_rate]
  const rates = averages.filter((rate) => rate !== null)
  return rates.length === 0 || rates.some((rate) => Math.abs(rate / fps - 1) <= RATE_TOLERANCE)
}

function differs(what: string, is: string, wanted: readonly string[]): string | null {
  return wanted.includes(is) ? null : `${what} is ${is}, not ${wanted.join(' or ')}`
}

function toFaults(problems: readonly (string | null)[], file: string): readonly Finding[] {
  return problems.flatMap((problem) => (problem === null ? [] : [fault('CODEC_MISMATCH', file, problem)]))
}
