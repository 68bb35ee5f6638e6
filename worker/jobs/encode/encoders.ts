import { perSec } from '../frame-grid.ts'
import type { OutputPlan, PlannedRendition } from '../output-plan.ts'

type Video = NonNullable<OutputPlan['video']>

/** Of the average bit rate: peaks a player has to be ready for, and the buffer that they may fill. */
const MAX_RATE = 1.25
const BUFFER = 2

/**
 * Encoder arguments for the output's video stream number `stream`. In segments every group of pictures has the same
 * number of frames, in each rendition, and is closed; in a single file a cut of the scene may begin one earlier.
 */
export function videoEncoderArgs(
  video: Video,
  rendition: PlannedRendition,
  of: { stream: number; isSegmented: boolean },
) {
  const option = (name: string, ...values: string[]) => [`-${name}:v:${of.stream}`, ...values]
  const gop = String(video.gopFrames)
  return [
    ...option('c', ENCODER[video.codec]),
    ...option('preset', video.speed),
    ...rateArgs(video, rendition, option),
    ...option('g', gop),
    ...GOP_ARGS[video.codec](option, of.isSegmented ? gop : null),
  ]
}

const ENCODER = { h264: 'libx264', h265: 'libx265', av1: 'libsvtav1' }

type Option = (name: string, ...values: string[]) => string[]

/** `gop` is `null` where groups may be shorter. */
const GOP_ARGS: Record<Video['codec'], (option: Option, gop: string | null) => string[]> = {
  h264: (option, gop) => [
    ...option('profile', 'high'),
    ...option('flags', '+cgop'),
    ...(gop === null ? [] : [...option('keyint_min', gop), ...option('sc_threshold', '0')]),
  ],
  /** `hvc1`, with the parameter sets in the header alone: Apple's players take no `hev1` (HLS Authoring Specification). */
  h265: (option, gop) => [
    ...option('tag', 'hvc1'),
    ...option(
      'x265-params',
      `log-level=error:open-gop=0${gop === null ? '' : `:keyint=${gop}:min-keyint=${gop}:scenecut=0`}`,
    ),
  ],
  /** SVT-AV1 keeps to `-g` and finds no cuts of its own. */
  av1: () => [],
}

/** SVT-AV1 of Debian 12 refuses a peak rate beside an average one. */
function rateArgs({ codec }: Video, { crf, kbps }: PlannedRendition, option: Option): string[] {
  if (kbps === null) return option('crf', String(crf ?? 23))
  const average = option('b', `${kbps}k`)
  if (codec === 'av1') return average
  return [
    ...average,
    ...option('maxrate', `${Math.round(kbps * MAX_RATE)}k`),
    ...option('bufsize', `${kbps * BUFFER}k`),
  ]
}

/** Encoder arguments for all of an output's sound; without sound in the plan there are none. */
export function audioEncoderArgs({ audio }: OutputPlan): string[] {
  return audio === null ? [] : ['-c:a', 'aac', '-b:a', `${audio.kbps}k`]
}

/** Of a segment; a little less than its frames last, for a rounded time stamp must not put a cut off by a whole group. */
export function cutSec(frames: number, fps: Video['fps']): string {
  return (frames / perSec(fps) - 2e-5).toFixed(6)
}
