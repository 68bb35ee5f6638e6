import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { runProgram, type ProgramOptions } from '../platform/run-program.ts'
import { INPUT_OPTIONS, toInputUrl } from './media-input.ts'
import type { SampledFrame } from './scan-type.ts'

/** A picture track, and the places at which it is sampled: in seconds on the file's clock, `null` for its start. */
export type SampledPicture = {
  readonly path: string
  readonly index: number
  /** ffmpeg's name of the demuxer. */
  readonly format: string
  readonly places: readonly (number | null)[]
  /** Time between two places. */
  readonly partSec: number
}

/** Frames that are read at the start, which show the cadence. */
const FIRST_FRAMES = 40
/** Largest step between two of the first frames. */
const MAX_STEP_SEC = 1
/** Frames that are read at each other place. */
const FURTHER_FRAMES = 12
/** Frames of MPEG-2 that are read at each other place to confirm a cadence: the first GOP there may be incomplete. */
const CADENCE_FRAMES = 36
/** Parts of the track between whose bounds it is sampled; a shorter track is sampled at its start only. */
const PARTS = 5
const MIN_SAMPLED_SEC = 3
/** Demuxers of formats without an index of keyframes: reading begins anywhere, and a keyframe may be seconds away. */
const WITHOUT_INDEX = ['mpegts', 'mpeg']
const MAX_GOP_SEC = 12

/** Returns the places at which a track is sampled: its start, and the bounds of its fifths. */
export function choosePlaces(startSec: number, durationSec: number): Pick<SampledPicture, 'places' | 'partSec'> {
  const partSec = durationSec / PARTS
  if (durationSec < MIN_SAMPLED_SEC) return { places: [null], partSec }
  return { places: [null, ...Array.from({ length: PARTS - 1 }, (_, i) => startSec + partSec * (i + 1))], partSec }
}

/** What frames of a picture state about themselves: the first ones, which follow each other, and those at other places. */
export type FrameSamples = { readonly first: readonly SampledFrame[]; readonly further: readonly SampledFrame[] }

/**
 * Reads what the first frames of a track, and frames at the other places, state about themselves. Frames that cannot be
 * read are left out. One run of ffprobe reads them all, but for formats without an index: there, only keyframes are read at
 * the other places.
 */
export async function readSamples(
  ffprobePath: string,
  picture: SampledPicture,
  options: ProgramOptions,
): Promise<FrameSamples> {
  const start = `%+#${FIRST_FRAMES}`
  if (!WITHOUT_INDEX.includes(picture.format)) {
    const intervals = [start, ...listIntervals(picture, `#${FURTHER_FRAMES}`)]
    return splitSamples(await readFrames(ffprobePath, picture, { ...options, intervals }))
  }
  const first = await readFrames(ffprobePath, picture, { ...options, intervals: [start] })
  const lengthSec = Math.min(MAX_GOP_SEC, picture.partSec)
  const intervals = listIntervals(picture, lengthSec.toFixed(3))
  const further = await readFrames(ffprobePath, picture, { ...options, intervals, decoding: ['-skip_frame', 'nokey'] })
  return { first, further }
}

/** Splits the frames of one run: the first ones end at their number, or where the time leaps to that of another place. */
function splitSamples(frames: readonly SampledFrame[]): FrameSamples {
  const leap = frames.findIndex(({ timeSec }, i) => {
    const stepSec = (timeSec ?? 0) - (frames[i - 1]?.timeSec ?? timeSec ?? 0)
    return stepSec < 0 || stepSec > MAX_STEP_SEC
  })
  const count = leap === -1 ? FIRST_FRAMES : Math.min(FIRST_FRAMES, leap)
  return { first: frames.slice(0, count), further: frames.slice(count) }
}

/** Reads consecutive frames at the other places. */
export function readFurtherCadence(
  ffprobePath: string,
  picture: SampledPicture,
  options: ProgramOptions,
): Promise<readonly SampledFrame[]> {
  const intervals = listIntervals(picture, `#${CADENCE_FRAMES}`)
  return readFrames(ffprobePath, picture, { ...options, intervals })
}

/** Returns ffprobe's read intervals of the other places. */
function listIntervals({ places }: SampledPicture, length: string): string[] {
  return places.flatMap((sec) => (sec === null ? [] : [`${sec.toFixed(3)}%+${length}`]))
}

type ReadOptions = ProgramOptions & { readonly intervals: readonly string[]; readonly decoding?: readonly string[] }

async function readFrames(
  ffprobePath: string,
  { path, index }: SampledPicture,
  { intervals, decoding = [], ...options }: ReadOptions,
): Promise<readonly SampledFrame[]> {
  if (intervals.length === 0) return []
  const selection = [...decoding, '-read_intervals', intervals.join(',')]
  const fields = 'interlaced_frame,top_field_first,repeat_pict,best_effort_timestamp_time'
  const entries = ['-select_streams', String(index), '-show_entries', `frame=${fields}`, '-of', 'compact=p=0']
  const args = ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...selection, ...entries, '-i', toInputUrl(path)]
  const result = await runProgram(ffprobePath, args, { ...options, limits: PROGRAM_LIMITS.probe })
  return result.kind === 'exited' ? result.stdout.split('\n').flatMap(parseFrame) : []
}

function parseFrame(line: string): SampledFrame[] {
  const fields = new Map(line.split('|').map((field) => [field.split('=')[0], field.split('=')[1]]))
  const [isInterlaced, isTopFirst] = [fields.get('interlaced_frame'), fields.get('top_field_first')]
  if (isInterlaced === undefined || isTopFirst === undefined) return []
  const timeSec = Number(fields.get('best_effort_timestamp_time'))
  return [
    {
      isInterlaced: isInterlaced === '1',
      isTopFirst: isTopFirst === '1',
      repeatedFields: Number(fields.get('repeat_pict') ?? 0),
      timeSec: Number.isFinite(timeSec) ? timeSec : null,
    },
  ]
}
