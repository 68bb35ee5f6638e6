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

/** Reads what the first frames of a track state about themselves. Frames that cannot be read are left out. */
export function readFirstFrames(
  ffprobePath: string,
  picture: SampledPicture,
  options: ProgramOptions,
): Promise<readonly SampledFrame[]> {
  return readFrames(ffprobePath, picture, { ...options, args: ['-read_intervals', `%+#${FIRST_FRAMES}`] })
}

/** Reads what frames at the other places state about themselves, where a format has no index only keyframes. */
export function readFurtherFrames(
  ffprobePath: string,
  picture: SampledPicture,
  options: ProgramOptions,
): Promise<readonly SampledFrame[]> {
  const hasIndex = !WITHOUT_INDEX.includes(picture.format)
  const length = hasIndex ? `#${FURTHER_FRAMES}` : Math.min(MAX_GOP_SEC, picture.partSec).toFixed(3)
  const args = hasIndex ? [] : ['-skip_frame', 'nokey']
  return readIntervals(ffprobePath, picture, { ...options, args, length })
}

/** Reads consecutive frames at the other places. */
export function readFurtherCadence(
  ffprobePath: string,
  picture: SampledPicture,
  options: ProgramOptions,
): Promise<readonly SampledFrame[]> {
  return readIntervals(ffprobePath, picture, { ...options, args: [], length: `#${CADENCE_FRAMES}` })
}

type ReadOptions = ProgramOptions & { readonly args: readonly string[] }

async function readIntervals(
  ffprobePath: string,
  picture: SampledPicture,
  { length, args, ...options }: ReadOptions & { readonly length: string },
): Promise<readonly SampledFrame[]> {
  const intervals = picture.places.flatMap((sec) => (sec === null ? [] : [`${sec.toFixed(3)}%+${length}`]))
  if (intervals.length === 0) return []
  return readFrames(ffprobePath, picture, { ...options, args: [...args, '-read_intervals', intervals.join(',')] })
}

async function readFrames(
  ffprobePath: string,
  { path, index }: SampledPicture,
  { args: selection, ...options }: ReadOptions,
): Promise<readonly SampledFrame[]> {
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
