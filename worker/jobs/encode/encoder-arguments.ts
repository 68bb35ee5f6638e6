import { framesPerSec } from '../plan/frame-rate.ts'
import type { FrameRate, OutputPlan, OutputVideo, PlannedRendition } from '../plan/output-plan.ts'

/** Peak rate and buffer size of the encoder, as multiples of the average bit rate. */
const MAX_RATE_FACTOR = 1.25
const BUFFER_FACTOR = 2

const ENCODER_NAMES = { h264: 'libx264', h265: 'libx265', av1: 'libsvtav1' }

/** Position of a video stream in its ffmpeg output, and whether the output consists of segments. */
export type VideoStream = { readonly stream: number; readonly isSegmented: boolean }

/**
 * Returns the encoder arguments of a rendition. In segments, every GOP is closed and has the same number of frames in
 * all renditions; in a single file, a scene cut may begin a GOP early.
 */
export function buildVideoEncoderArgs(
  video: OutputVideo,
  rendition: PlannedRendition,
  { stream, isSegmented }: VideoStream,
): string[] {
  const option = (name: string, ...values: string[]) => [`-${name}:v:${stream}`, ...values]
  const gop = String(video.gopFrames)
  return [
    ...option('c', ENCODER_NAMES[video.codec]),
    ...option('preset', video.speed),
    ...buildRateArgs(video, rendition, option),
    ...option('g', gop),
    ...GOP_ARGS[video.codec](option, isSegmented ? gop : null),
  ]
}

type StreamOption = (name: string, ...values: string[]) => string[]

/** Arguments that fix the GOP length; `gop` is `null` where GOPs may be shorter. */
const GOP_ARGS: Record<OutputVideo['codec'], (option: StreamOption, gop: string | null) => string[]> = {
  h264: (option, gop) => [
    ...option('profile', 'high'),
    ...option('flags', '+cgop'),
    ...(gop === null ? [] : [...option('keyint_min', gop), ...option('sc_threshold', '0')]),
  ],
  /** `hvc1`, with parameter sets in the header alone: Apple's players reject `hev1` (HLS Authoring Specification). */
  h265: (option, gop) => [
    ...option('tag', 'hvc1'),
    ...option(
      'x265-params',
      `log-level=error:open-gop=0${gop === null ? '' : `:keyint=${gop}:min-keyint=${gop}:scenecut=0`}`,
    ),
  ],
  /** SVT-AV1 follows `-g` exactly and detects no scene cuts. */
  av1: () => [],
}

/** Returns the arguments of the rate control. SVT-AV1 of Debian 12 rejects a peak rate beside an average rate. */
function buildRateArgs({ codec }: OutputVideo, { crf, kbps }: PlannedRendition, option: StreamOption): string[] {
  if (kbps === null) return option('crf', String(crf ?? 23))
  const average = option('b', `${kbps}k`)
  if (codec === 'av1') return average
  return [
    ...average,
    ...option('maxrate', `${Math.round(kbps * MAX_RATE_FACTOR)}k`),
    ...option('bufsize', `${kbps * BUFFER_FACTOR}k`),
  ]
}

/** Returns the encoder arguments of all audio streams of an output; none where the plan has no audio. */
export function buildAudioEncoderArgs({ audio }: OutputPlan): string[] {
  return audio === null ? [] : ['-c:a', 'aac', '-b:a', `${audio.kbps}k`]
}

/** Formats a segment duration, a little shortened: a rounded timestamp must not delay the cut by a whole GOP. */
export function formatSegmentSec(frames: number, fps: FrameRate): string {
  return (frames / framesPerSec(fps) - 2e-5).toFixed(6)
}
