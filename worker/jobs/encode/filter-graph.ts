import type { EncodePlan, FrameShape } from '../plan/encode-plan.ts'
import { framesPerSec } from '../plan/frame-rate.ts'
import type { FrameRate, PlannedRendition } from '../plan/output-plan.ts'
import { buildColorFilters, isConverted } from './color-filters.ts'
import { fitSize } from './fit-size.ts'
import { orientationFilters } from './orientation.ts'

/** Damaged packets at the end of a video may yield no frames. */
const DAMAGED_END_SEC = 1

/**
 * Builds ffmpeg's filter graph. It reads the video of the first input and the decoded audio of the last one
 * (`buildSoundArgs`), each once, and ends in `[v0]` … for the renditions and `[a0]` … for the copies of the audio. Nothing
 * in it may depend on the shape of the first frame: the graph outlasts a change of the picture.
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
      : [
          `[${video === null ? 0 : 1}:0]${[...buildAudioFilters(plan), formatSplit('asplit', 'a', audioCopies)].join(',')}`,
        ]
  return [...videoChains, ...audioChains].join(';')
}

/**
 * Builds the filters that all renditions share: deinterlacing to one frame per two fields, an even frame grid on which
 * the output begins at 0, the plan's number of frames, and the colours, in the largest rendition's size since that is slow.
 */
function buildVideoFilters({ video, input }: EncodePlan): readonly string[] {
  if (video === null || input.video === null) return []
  const { chunk, colors, shape } = input.video
  const { isDeinterlaced, fps, renditions } = video
  return [
    // A piece of a split job begins with a keyframe, which an edit list may hide.
    ...(chunk === null ? [] : ['trim=start_pts=0']),
    ...(isDeinterlaced || isConverted(colors) ? buildSteadySizeFilters(shape, isDeinterlaced) : []),
    ...(isDeinterlaced ? buildDeinterlaceFilters(input.video) : []),
    ...buildShiftFilter('setpts', input.shiftSec),
    ...buildGridFilters(input.video, fps),
    ...buildColorFilters(colors, renditions[0]),
  ]
}

/** Builds the filters that put frames on the output's grid, from its first to its last. */
function buildGridFilters({ chunk, leadFrames, frames, padFrames }: InputVideoPlan, fps: FrameRate): readonly string[] {
  const firstFrame = chunk?.firstFrame ?? -leadFrames
  const spareFrames = chunk === null ? Math.ceil(framesPerSec(fps) * DAMAGED_END_SEC) : 0
  return [
    `fps=fps=${fps.num}/${fps.den}:start_time=${(firstFrame * fps.den) / fps.num}`,
    `tpad=stop=${padFrames + spareFrames}:stop_mode=clone`,
    `trim=start_frame=${leadFrames}:end_frame=${leadFrames + frames}`,
  ]
}

type InputVideoPlan = NonNullable<EncodePlan['input']['video']>

/**
 * Builds the filter that keeps the stored size of frames for filters that cannot follow a change. The shape of the pixels
 * changes instead, so that `fitSize` restores the aspect. Frames of that size pass unchanged.
 */
function buildSteadySizeFilters({ stored, isTurned }: FrameShape, isInterlaced: boolean): readonly string[] {
  if (stored === null || isTurned) return []
  return [`scale=${stored.width}:${stored.height}:flags=bicubic${isInterlaced ? ':interl=-1' : ''}`]
}

/** Builds the deinterlacer. ffmpeg has oriented the frames before; this is undone meanwhile where lines became columns. */
function buildDeinterlaceFilters({ orientation, fieldOrder }: InputVideoPlan): readonly string[] {
  const parity = fieldOrder === null ? '' : `:parity=${fieldOrder === 'top' ? 'tff' : 'bff'}`
  const bwdif = `bwdif=mode=send_frame:deint=all${parity}`
  if (orientation === null) return [bwdif]
  const { apply, undo } = orientationFilters(orientation)
  return [...undo, bwdif, ...apply]
}

/** Builds the filters of one rendition: its size, square pixels, 8 bits in 4:2:0, and limited range. */
function buildRenditionFilters({ input }: EncodePlan, rendition: PlannedRendition): readonly string[] {
  const { isRgb = false, matrix = null } = input.video?.colors ?? {}
  const { width, height } = rendition
  const fitted = input.video === null ? { width, height } : fitSize(input.video.shape, rendition)
  return [
    `scale=w='${fitted.width}':h='${fitted.height}':eval=frame:flags=bicubic:out_range=tv${isRgb ? ':out_color_matrix=bt709' : ''}`,
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:eval=frame`,
    'format=yuv420p',
    'setsar=1',
    ...(matrix === null ? [] : [`setparams=colorspace=${matrix}`]),
    ...(isRgb ? ['setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709'] : []),
  ]
}

/**
 * Builds the filters of the decoded audio from 0 to the plan's end: gaps are filled with silence to stay in sync with the
 * video, and an early end is padded.
 */
function buildAudioFilters({ audio, durationSec, input }: EncodePlan): readonly string[] {
  if (audio === null || input.audio === null) return []
  const { keepsOwnEnd, padSec } = input.audio
  return [
    `aresample=${audio.sampleRate}:async=1:first_pts=0`,
    `aformat=sample_fmts=fltp:sample_rates=${audio.sampleRate}:channel_layouts=${layoutName(audio)}`,
    ...(keepsOwnEnd ? [] : [`apad=pad_dur=${formatSeconds(padSec)}`, `atrim=end=${formatSeconds(durationSec)}`]),
  ]
}

function formatSplit(filter: string, label: string, count: number): string {
  return `${filter}=${count}${Array.from({ length: count }, (_, i) => `[${label}${i}]`).join('')}`
}

/** Returns ffmpeg's name of an output's channel layout. */
export function layoutName({ channels }: NonNullable<EncodePlan['audio']>): string {
  return channels === 1 ? 'mono' : 'stereo'
}

/** Returns the filter that subtracts the plan's shift from the times of a track; none where there is nothing to shift. */
export function buildShiftFilter(filter: 'setpts' | 'asetpts', shiftSec: number): readonly string[] {
  return shiftSec === 0 ? [] : [`${filter}=PTS-round(${formatSeconds(shiftSec)}/TB)`]
}

/** Formats a time for a filter, to 1 µs. */
export function formatSeconds(sec: number): string {
  return sec.toFixed(6)
}
