import type { EncodePlan } from '../plan/encode-plan.ts'
import type { PlannedRendition } from '../plan/output-plan.ts'
import { buildColorFilters } from './color-filters.ts'
import { orientationFilters } from './orientation.ts'

/** Makes the channels' shares add up to 1; in floating point, ffmpeg would otherwise let a downmix clip. */
const NORMALIZED_DOWNMIX = ':rematrix_maxval=1.0'

/**
 * Builds ffmpeg's filter graph. It reads each track of the input once, and ends in `[v0]` … for the renditions and
 * `[a0]` … for the copies of the audio.
 */
export function buildFilterGraph(plan: EncodePlan, { audioCopies }: { readonly audioCopies: number }): string {
  const { video, audio } = plan.input
  const renditions = plan.video?.renditions ?? []
  const videoChains =
    video === null
      ? []
      : [
          `[0:${video.index}]${[...buildVideoFilters(plan), formatSplit('split', 's', renditions.length)].join(',')}`,
          ...renditions.map((rendition, i) => `[s${i}]${buildRenditionFilters(plan, rendition).join(',')}[v${i}]`),
        ]
  const audioChains =
    audio === null || plan.audio === null
      ? []
      : [`[0:${audio.index}]${[...buildAudioFilters(plan), formatSplit('asplit', 'a', audioCopies)].join(',')}`]
  return [...videoChains, ...audioChains].join(';')
}

/**
 * Builds the filters that all renditions share: deinterlacing to one frame per two fields, an even frame grid on which
 * the output begins at 0, the plan's number of frames, and the colours, in the largest rendition's size since that is slow.
 */
function buildVideoFilters({ video, input }: EncodePlan): readonly string[] {
  if (video === null || input.video === null) return []
  const { chunk, leadFrames, frames, padFrames, colors } = input.video
  const { fps } = video
  const [largest] = video.renditions
  const firstFrame = chunk?.firstFrame ?? -leadFrames
  return [
    // A piece of a split job begins with a keyframe, which an edit list may hide.
    ...(chunk === null ? [] : ['trim=start_pts=0']),
    ...(video.isDeinterlaced ? buildDeinterlaceFilters(input.video) : []),
    ...buildShiftFilter('setpts', input.shiftSec),
    `fps=fps=${fps.num}/${fps.den}:start_time=${(firstFrame * fps.den) / fps.num}`,
    `tpad=stop=${padFrames}:stop_mode=clone`,
    `trim=start_frame=${leadFrames}:end_frame=${leadFrames + frames}`,
    ...buildColorFilters(colors, largest),
  ]
}

type InputVideoPlan = NonNullable<EncodePlan['input']['video']>

/** Builds the deinterlacer. ffmpeg has oriented the frames before; this is undone meanwhile where lines became columns. */
function buildDeinterlaceFilters({ orientation, fieldOrder }: InputVideoPlan): readonly string[] {
  const parity = fieldOrder === null ? '' : `:parity=${fieldOrder === 'top' ? 'tff' : 'bff'}`
  const bwdif = `bwdif=mode=send_frame:deint=all${parity}`
  if (orientation === null) return [bwdif]
  const { apply, undo } = orientationFilters(orientation)
  return [...undo, bwdif, ...apply]
}

/** Builds the filters of one rendition: its size, square pixels, 8 bits in 4:2:0, and limited range. */
function buildRenditionFilters({ input }: EncodePlan, { width, height }: PlannedRendition): readonly string[] {
  const { isRgb = false, matrix = null } = input.video?.colors ?? {}
  return [
    `scale=${width}:${height}:flags=bicubic:out_range=tv${isRgb ? ':out_color_matrix=bt709' : ''}`,
    'format=yuv420p',
    'setsar=1',
    ...(matrix === null ? [] : [`setparams=colorspace=${matrix}`]),
    ...(isRgb ? ['setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709'] : []),
  ]
}

/**
 * Builds the filters of the audio from 0 to the plan's end: gaps are filled with silence to stay in sync with the video,
 * more than two channels are downmixed, and an early end is padded.
 */
function buildAudioFilters({ audio, durationSec, input }: EncodePlan): readonly string[] {
  if (audio === null || input.audio === null) return []
  const { isStartTrimmed, isDownmixed, keepsOwnEnd, padSec } = input.audio
  const layout = audio.channels === 1 ? 'mono' : 'stereo'
  return [
    ...buildShiftFilter('asetpts', input.shiftSec),
    ...(isStartTrimmed ? ['atrim=start=0'] : []),
    `aresample=${audio.sampleRate}:async=1:first_pts=0${isDownmixed ? NORMALIZED_DOWNMIX : ''}`,
    `aformat=sample_fmts=fltp:sample_rates=${audio.sampleRate}:channel_layouts=${layout}`,
    ...(keepsOwnEnd ? [] : [`apad=pad_dur=${formatSeconds(padSec)}`, `atrim=end=${formatSeconds(durationSec)}`]),
  ]
}

function formatSplit(filter: string, label: string, count: number): string {
  return `${filter}=${count}${Array.from({ length: count }, (_, i) => `[${label}${i}]`).join('')}`
}

function buildShiftFilter(filter: 'setpts' | 'asetpts', shiftSec: number): readonly string[] {
  return shiftSec === 0 ? [] : [`${filter}=PTS-round(${formatSeconds(shiftSec)}/TB)`]
}

function formatSeconds(sec: number): string {
  return sec.toFixed(6)
}
