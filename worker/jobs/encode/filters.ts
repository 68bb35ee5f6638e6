import type { EncodePlan } from '../encode-plan.ts'
import type { PlannedRendition } from '../output-plan.ts'
import { turning } from './turn.ts'

/** The luminance, in cd/m², that is 1.0 in linear light for zscale (`npl`): that of SDR's white. */
const HDR_WHITE = 100

/** Shares of the channels that come to 1 together: in floating point ffmpeg lets a mix get louder than there is room for. */
const NOT_LOUDER = ':rematrix_maxval=1.0'

/**
 * Everything that is done once to a picture, before it becomes renditions: interlaced lines become frames, one of each
 * two fields; times are brought to an even grid on which the output begins at 0, and cut to the plan's number of frames;
 * HDR becomes SDR, in the size of the largest rendition, for that is dear. Without a picture in the plan it is empty.
 */
function pictureFilters({ video, reading: { picture, shiftSec } }: EncodePlan): readonly string[] {
  if (video === null || picture === null) return []
  const [largest] = video.renditions
  const firstFrame = picture.chunk?.firstFrame ?? -picture.leadFrames
  return [
    // A piece begins at a key frame, which may be hidden: an edit list begins behind it.
    ...(picture.chunk === null ? [] : ['trim=start_pts=0']),
    ...(video.isDeinterlaced ? deinterlacing(picture.turn) : []),
    ...shift('setpts', shiftSec),
    `fps=fps=${video.fps.num}/${video.fps.den}:start_time=${(firstFrame * video.fps.den) / video.fps.num}`,
    `tpad=stop=${picture.padFrames}:stop_mode=clone`,
    `trim=start_frame=${picture.leadFrames}:end_frame=${picture.leadFrames + picture.frames}`,
    ...(picture.hdr === null ? [] : toneMapping(picture.hdr, largest)),
  ]
}

/** ffmpeg has turned the picture by now: where that made columns of its lines, they are lines meanwhile. */
function deinterlacing(turn: NonNullable<EncodePlan['reading']['picture']>['turn']): readonly string[] {
  const bwdif = 'bwdif=mode=send_frame:deint=all'
  if (turn === null) return [bwdif]
  const { there, back } = turning(turn)
  return [...back, bwdif, ...there]
}

/** One rendition of what `pictureFilters` made: its size, square pixels, 8 bits in 4:2:0, and the usual range. */
function renditionFilters(
  { reading: { picture } }: EncodePlan,
  { width, height }: PlannedRendition,
): readonly string[] {
  const matrix = picture?.isRgb === true ? ':out_color_matrix=bt709' : ''
  return [
    `scale=${width}:${height}:flags=bicubic:out_range=tv${matrix}`,
    'format=yuv420p',
    'setsar=1',
    ...(matrix === '' ? [] : ['setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709']),
  ]
}

/**
 * The sound from 0 to the plan's end: gaps in it are filled with silence, so that it stays in step with the picture,
 * more than two channels are mixed down, and a short end is made up for. Without sound in the plan it is empty.
 */
function soundFilters({ audio, durationSec, reading: { sound, shiftSec } }: EncodePlan): readonly string[] {
  if (audio === null || sound === null) return []
  return [
    ...shift('asetpts', shiftSec),
    ...(sound.isCut ? ['atrim=start=0'] : []),
    `aresample=${audio.sampleRate}:async=1:first_pts=0${sound.isMixedDown ? NOT_LOUDER : ''}`,
    `aformat=sample_fmts=fltp:sample_rates=${audio.sampleRate}:channel_layouts=${audio.channels === 1 ? 'mono' : 'stereo'}`,
    ...(sound.isWhole ? [] : [`apad=pad_dur=${seconds(sound.padSec)}`, `atrim=end=${seconds(durationSec)}`]),
  ]
}

/** A graph that reads each of the source's tracks once, and ends in `[v0]` … for the renditions and `[a0]` … for sound. */
export function filterGraph(plan: EncodePlan, { sounds }: { readonly sounds: number }): string {
  const { picture, sound } = plan.reading
  const renditions = plan.video?.renditions ?? []
  const pictureChains =
    picture === null
      ? []
      : [
          `[0:${picture.index}]${[...pictureFilters(plan), split('split', 's', renditions.length)].join(',')}`,
          ...renditions.map((rendition, i) => `[s${i}]${renditionFilters(plan, rendition).join(',')}[v${i}]`),
        ]
  const soundChains =
    sound === null || plan.audio === null
      ? []
      : [`[0:${sound.index}]${[...soundFilters(plan), split('asplit', 'a', sounds)].join(',')}`]
  return [...pictureChains, ...soundChains].join(';')
}

function split(filter: string, pad: string, count: number): string {
  return `${filter}=${count}${Array.from({ length: count }, (_, i) => `[${pad}${i}]`).join('')}`
}

function shift(filter: string, shiftSec: number): readonly string[] {
  return shiftSec === 0 ? [] : [`${filter}=PTS-round(${seconds(shiftSec)}/TB)`]
}

function toneMapping(
  { transfer, primaries, matrix }: { transfer: string; primaries: string; matrix: string },
  { width, height }: PlannedRendition,
): readonly string[] {
  return [
    `zscale=w=${width}:h=${height}:f=bicubic:tin=${transfer}:pin=${primaries}:min=${matrix}:t=linear:npl=${HDR_WHITE}`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
    'format=yuv420p',
    'sidedata=mode=delete:type=MASTERING_DISPLAY_METADATA',
    'sidedata=mode=delete:type=CONTENT_LIGHT_LEVEL',
  ]
}

function seconds(sec: number): string {
  return sec.toFixed(6)
}
