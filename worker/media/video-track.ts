import type { FfprobeStream } from './ffprobe-output.ts'
import { measureTrackExtent, type TrackTotals } from './packet-tally.ts'
import { parseFraction, type ProbedMedia, toNumber } from './probed-media.ts'
import { readHeaderOrder } from './scan-type.ts'
import { findUsualStep } from './timestamp-gaps.ts'

/** Highest plausible frame rate. WebM recordings of browsers claim 1000. */
const MAX_FPS = 240
/** Highest plausible pixel aspect ratio; others come from broken headers. */
const MAX_PIXEL_ASPECT = 5
/** Stills that are shown for as long are stored at the lowest frame rate. */
const LONG_STILL_SEC = 600
/** Highest frame rate of interlaced pictures; a higher rate is that of the fields. */
const MAX_INTERLACED_FPS = 31
/** Frame rate of a single frame without one. */
const STILL_FPS = { num: 25, den: 1 }
/** Most frames that may be stored after a frame that is displayed later (ITU-T H.264 §A.3.1, H.265 §A.4.2). */
const REORDERED_FRAMES = 16

/** Reads a picture track; a text is the reason why it cannot be encoded. */
export function readVideoTrack(stream: FfprobeStream, totals: TrackTotals): ProbedMedia['video'] | string {
  const { codec_name: codec = '', pix_fmt: pixFmt = 'unknown' } = stream
  const extent = measureTrackExtent(stream, totals)
  const rate = readFrameRate(stream, totals, extent.durationSec)
  if (rate === null) return 'the picture has no frames'
  if (toNumber(rate.fps) > MAX_FPS) return `the picture has ${Math.round(toNumber(rate.fps))} frames a second`
  return {
    index: stream.index,
    codec,
    ...readDisplaySize(stream),
    stored: { width: stream.width, height: stream.height },
    isMirrored: isMirrored(stream),
    ...rate,
    isInterlaced: isInterlaced(stream),
    fieldOrder: readHeaderOrder(stream.field_order),
    bitDepth: parseBitDepth(pixFmt),
    pixFmt,
    color: readColor(stream),
    isHdr: stream.color_transfer === 'smpte2084' || stream.color_transfer === 'arib-std-b67',
    startSec: extent.startSec,
    // A single frame may have no duration: it then lasts for one frame of its rate.
    durationSec: extent.durationSec > 0 ? extent.durationSec : 1 / toNumber(rate.fps),
  }
}

function readColor(stream: FfprobeStream): NonNullable<ProbedMedia['video']>['color'] {
  return {
    transfer: stream.color_transfer ?? null,
    primaries: stream.color_primaries ?? null,
    space: stream.color_space ?? null,
    range: stream.color_range ?? null,
  }
}

function isInterlaced({ field_order = 'unknown' }: FfprobeStream): boolean {
  return field_order === 'interlaced' || readHeaderOrder(field_order) !== null
}

type VideoFrameRate = Pick<NonNullable<ProbedMedia['video']>, 'fps' | 'rateOfTimes' | 'isVariableFrameRate'>

/** Reads the average frame rate of the header; `null` where it is missing or implausible, and frames must be counted. */
export function readHeaderFps(stream: FfprobeStream): VideoFrameRate['fps'] | null {
  const fps = parseFraction(stream.avg_frame_rate)
  return fps === null || toNumber(fps) > MAX_FPS ? null : fps
}

function readFrameRate(
  stream: FfprobeStream,
  { packets, times }: TrackTotals,
  durationSec: number,
): VideoFrameRate | null {
  const average = readHeaderFps(stream) ?? countFps(packets, durationSec)
  if (average === null) return null
  const isFieldRate = isInterlaced(stream) && toNumber(average) > MAX_INTERLACED_FPS
  const fps = isFieldRate ? { num: average.num, den: average.den * 2 } : average
  const stillSec = findUsualStep(times)
  // Stills change on no grid, and a high rate would repeat each one hundreds of thousands of times.
  if (stillSec >= LONG_STILL_SEC) return toConstantRate({ num: 1, den: Math.round(stillSec) })
  const rateOfTimes = parseFraction(stream.r_frame_rate) ?? fps
  const isVariableFrameRate = isVariable(fps, rateOfTimes, { stream, times })
  // A header's average is off where a part of the file lacks frames, such as the last fragment of a recording.
  const isSteady = !isVariableFrameRate && isRateOf(times, rateOfTimes)
  return { fps: isSteady ? rateOfTimes : fps, rateOfTimes, isVariableFrameRate }
}

/** Largest relative error of a measured rate; 30 and 30000/1001 differ by twice as much. */
const RATE_TOLERANCE = 0.0005

/** Returns whether frames have this rate on average, by their times. */
function isRateOf(times: readonly number[], rate: VideoFrameRate['fps']): boolean {
  const sorted = dropIncomplete(times)
  const spanSec = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0)
  return spanSec > 0 && Math.abs((sorted.length - 1) / spanSec / toNumber(rate) - 1) < RATE_TOLERANCE
}

/** Returns times in order, without the last of many: near them, frames are missing that are stored later. */
function dropIncomplete(times: readonly number[]): Float64Array {
  // A typed array lies outside the heap: there may be millions of frames.
  const sorted = Float64Array.from(times).toSorted()
  return sorted.length > 4 * REORDERED_FRAMES ? sorted.subarray(0, -REORDERED_FRAMES) : sorted
}

function toConstantRate(fps: VideoFrameRate['fps']): VideoFrameRate {
  return { fps, rateOfTimes: fps, isVariableFrameRate: false }
}

function countFps(frames: number, durationSec: number): VideoFrameRate['fps'] | null {
  if (frames === 0) return null
  if (frames === 1 || durationSec <= 0) return STILL_FPS
  return { num: frames * 1_000_000, den: Math.round(durationSec * 1_000_000) }
}

/**
 * Returns whether frame durations vary by more than a container's rounding to milliseconds, or the average rate differs
 * from the rate of the timestamps, which is also so where only a later part of the file varies.
 */
function isVariable(
  fps: VideoFrameRate['fps'],
  rateOfTimes: VideoFrameRate['fps'],
  track: { readonly stream: FfprobeStream; readonly times: readonly number[] },
): boolean {
  const times = dropIncomplete(track.times)
  const steps = times.subarray(1).map((time, i) => time - (times[i] ?? time))
  const median = steps.toSorted()[Math.floor(steps.length / 2)] ?? 0
  const tolerance = Math.max(0.0015, median * 0.1)
  if (steps.some((step) => Math.abs(step - median) > tolerance)) return true
  const ratio = toNumber(rateOfTimes) / toNumber(fps)
  const isSame = Math.abs(ratio - 1) < 0.02 || (isInterlaced(track.stream) && Math.abs(ratio - 2) < 0.04)
  return !isSame
}

/** Reads the display size: with square pixels, and after the rotation that the container requests. */
function readDisplaySize(stream: FfprobeStream): { width: number; height: number; rotation: number } {
  const ratio = parseFraction(stream.sample_aspect_ratio)
  const aspect = ratio === null ? 1 : toNumber(ratio)
  const isPlausible = aspect <= MAX_PIXEL_ASPECT && aspect >= 1 / MAX_PIXEL_ASPECT
  const width = Math.max(1, Math.round(stream.width * (isPlausible ? aspect : 1)))
  const counterClockwise = stream.side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation ?? 0
  const rotation = ((-Math.round(counterClockwise) % 360) + 360) % 360
  const isTurned = rotation % 180 === 90
  return { width: isTurned ? stream.height : width, height: isTurned ? width : stream.height, rotation }
}

/** Returns whether the display matrix mirrors. ffprobe writes its rows as `00000000: a b u`, `00000001: c d v`, … */
function isMirrored({ side_data_list }: FfprobeStream): boolean {
  const matrix = side_data_list.find(({ displaymatrix }) => displaymatrix !== undefined)?.displaymatrix ?? ''
  const rows = matrix
    .split('\n')
    .flatMap((line) => (line.includes(':') ? [(line.split(':')[1] ?? '').match(/-?\d+/g)] : []))
  const [[a, b] = [], [c, d] = []] = rows.map((row) => (row ?? []).map(Number))
  return (a ?? 1) * (d ?? 1) - (b ?? 0) * (c ?? 0) < 0
}

/** Parses the bit depth of ffmpeg's pixel format: `yuv420p10le` has 10 bits, a name without a number has 8. */
function parseBitDepth(pixFmt: string): number {
  const [, bits] = /(?:p0?|gray|x2rgb|x2bgr)(9|10|12|14|16)(?:le|be)?$/.exec(pixFmt) ?? []
  return bits === undefined ? 8 : Number(bits)
}
