import { sizeProblem } from './media-input.ts'
import { type Probe, toNumber, toRational } from './probed-media.ts'
import { extentOf, type Played, type RawStream } from './raw-media.ts'

/** Frames a second that are believed; a WebM of a browser says 1000. */
const MAX_FPS = 240
/** Pixel shapes beyond this are taken for a broken header. */
const MAX_PIXEL_ASPECT = 5
/** No interlaced picture has more frames a second than this; more is the rate of its fields. */
const MAX_INTERLACED_FPS = 31
/** Of a single frame without one. */
const RATE_OF_A_STILL = { num: 25, den: 1 }
/** So many frames may be stored behind one that is shown after them (ITU-T H.264 §A.3.1, H.265 §A.4.2). */
const REORDERED_FRAMES = 16
const DOLBY_VISION_ALONE = 5
const UNKNOWN = 'the picture is of a kind that cannot be decoded'

/** A picture track as a probe has it; text says why it cannot be encoded. */
export function readVideo(stream: RawStream, played: Played): Probe['video'] | string {
  const { codec_name: codec, pix_fmt: pixFmt = 'unknown' } = stream
  const problem = problemOf(stream)
  if (problem !== null || codec === undefined) return problem ?? UNKNOWN
  const extent = extentOf(stream, played)
  const rate = rateOf(stream, played, extent.durationSec)
  if (rate === null) return 'the picture has no frames'
  if (toNumber(rate.fps) > MAX_FPS) return `the picture has ${Math.round(toNumber(rate.fps))} frames a second`
  return {
    index: stream.index,
    codec,
    ...shownSize(stream),
    isMirrored: isMirrored(stream),
    ...rate,
    isInterlaced: isInterlaced(stream),
    bitDepth: bitDepthOf(pixFmt),
    pixFmt,
    color: colorOf(stream),
    isHdr: stream.color_transfer === 'smpte2084' || stream.color_transfer === 'arib-std-b67',
    startSec: extent.startSec,
    // A single frame may come without a duration: it is there for as long as one of its rate is.
    durationSec: extent.durationSec > 0 ? extent.durationSec : 1 / toNumber(rate.fps),
  }
}

function problemOf({ codec_name, codec_tag_string, width, height, side_data_list }: RawStream): string | null {
  if (codec_tag_string === 'encv') return 'the picture is encrypted'
  if (codec_name === undefined || width === 0 || height === 0) return UNKNOWN
  const problem = sizeProblem(width, height)
  if (problem !== null) return problem
  if (side_data_list.every(({ dv_profile }) => dv_profile !== DOLBY_VISION_ALONE)) return null
  return `the picture is Dolby Vision of profile ${DOLBY_VISION_ALONE}, which holds no picture for other players`
}

function colorOf(stream: RawStream): NonNullable<Probe['video']>['color'] {
  return {
    transfer: stream.color_transfer ?? null,
    primaries: stream.color_primaries ?? null,
    space: stream.color_space ?? null,
    range: stream.color_range ?? null,
  }
}

function isInterlaced({ field_order = 'unknown' }: RawStream): boolean {
  return ['tt', 'bb', 'tb', 'bt'].includes(field_order)
}

type Rate = Pick<NonNullable<Probe['video']>, 'fps' | 'rateOfTimes' | 'isVariableFrameRate'>

/** The average that the headers say, where it can be true; `null`: the frames have to be counted. */
export function headerFps(stream: RawStream): Rate['fps'] | null {
  const fps = toRational(stream.avg_frame_rate)
  return fps === null || toNumber(fps) > MAX_FPS ? null : fps
}

function rateOf(stream: RawStream, { packets, times }: Played, durationSec: number): Rate | null {
  const average = headerFps(stream) ?? countedFps(packets, durationSec)
  if (average === null) return null
  const isOfFields = isInterlaced(stream) && toNumber(average) > MAX_INTERLACED_FPS
  const fps = isOfFields ? { num: average.num, den: average.den * 2 } : average
  const rateOfTimes = toRational(stream.r_frame_rate) ?? fps
  return { fps, rateOfTimes, isVariableFrameRate: isVariable(fps, rateOfTimes, { stream, times }) }
}

function countedFps(frames: number, durationSec: number): Rate['fps'] | null {
  if (frames === 0) return null
  if (frames === 1 || durationSec <= 0) return RATE_OF_A_STILL
  return { num: frames * 1_000_000, den: Math.round(durationSec * 1_000_000) }
}

/**
 * Frames are uneven where two neighbours are, beyond the rounding of a container that counts milliseconds, or where
 * the average and the rate of the time stamps differ, which is so too when only a later part is uneven.
 */
function isVariable(fps: Rate['fps'], rateOfTimes: Rate['fps'], of: { stream: RawStream; times: readonly number[] }) {
  // Outside of the heap: there may be millions.
  const seen = Float64Array.from(of.times).toSorted()
  // Where looking ended, frames are missing that are stored behind later ones.
  const times = seen.length > 4 * REORDERED_FRAMES ? seen.subarray(0, -REORDERED_FRAMES) : seen
  const steps = times.subarray(1).map((time, i) => time - (times[i] ?? time))
  const middle = steps.toSorted()[Math.floor(steps.length / 2)] ?? 0
  const tolerance = Math.max(0.0015, middle * 0.1)
  if (steps.some((step) => Math.abs(step - middle) > tolerance)) return true
  const ratio = toNumber(rateOfTimes) / toNumber(fps)
  const isSame = Math.abs(ratio - 1) < 0.02 || (isInterlaced(of.stream) && Math.abs(ratio - 2) < 0.04)
  return !isSame
}

/** With square pixels, and after the rotation that the container asks for. */
function shownSize(stream: RawStream): { width: number; height: number; rotation: number } {
  const said = toRational(stream.sample_aspect_ratio)
  const aspect = said === null ? 1 : toNumber(said)
  const isBelievable = aspect <= MAX_PIXEL_ASPECT && aspect >= 1 / MAX_PIXEL_ASPECT
  const width = Math.max(1, Math.round(stream.width * (isBelievable ? aspect : 1)))
  const counterClockwise = stream.side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation ?? 0
  const rotation = ((-Math.round(counterClockwise) % 360) + 360) % 360
  const isTurned = rotation % 180 === 90
  return { width: isTurned ? stream.height : width, height: isTurned ? width : stream.height, rotation }
}

/** ffprobe writes the matrix as rows of hexadecimal place and three numbers: `00000000: a b u`, `00000001: c d v`, … */
function isMirrored({ side_data_list }: RawStream): boolean {
  const written = side_data_list.find(({ displaymatrix }) => displaymatrix !== undefined)?.displaymatrix ?? ''
  const rows = written
    .split('\n')
    .flatMap((line) => (line.includes(':') ? [(line.split(':')[1] ?? '').match(/-?\d+/g)] : []))
  const [[a, b] = [], [c, d] = []] = rows.map((row) => (row ?? []).map(Number))
  return (a ?? 1) * (d ?? 1) - (b ?? 0) * (c ?? 0) < 0
}

/** By the name of ffmpeg's pixel format: `yuv420p10le` has 10 bits, a name without a number 8. */
function bitDepthOf(pixFmt: string): number {
  const [, bits] = /(?:p0?|gray|x2rgb|x2bgr)(9|10|12|14|16)(?:le|be)?$/.exec(pixFmt) ?? []
  return bits === undefined ? 8 : Number(bits)
}
