import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { runProgram, type ProgramOptions } from '../platform/run-program.ts'
import { INPUT_OPTIONS, toInputUrl } from './media-input.ts'
import type { CombCounts, SampledFrame } from './scan-type.ts'

/** A picture track, and the places at which it is sampled: in seconds on the file's clock, `null` for its start. */
export type SampledPicture = {
  readonly path: string
  readonly index: number
  readonly places: readonly (number | null)[]
}

/** Frames that are read at the start, which show the cadence, and at each other place. */
const FIRST_FRAMES = 40
const FURTHER_FRAMES = 10
/** Frames of each place that are compared with their neighbours. */
const COMPARED_FRAMES = 50
/** Parts of the track between whose bounds it is sampled; a shorter track is sampled at its start only. */
const PARTS = 5
const MIN_SAMPLED_SEC = 3

/** Returns the places at which a track is sampled: its start, and the bounds of its fifths. */
export function choosePlaces(track: {
  readonly startSec: number
  readonly durationSec: number
}): SampledPicture['places'] {
  const { startSec, durationSec } = track
  if (durationSec < MIN_SAMPLED_SEC) return [null]
  const bounds = Array.from({ length: PARTS - 1 }, (_, i) => startSec + (durationSec * (i + 1)) / PARTS)
  return [null, ...bounds]
}

/** Reads what the frames of a track state about themselves; frames that cannot be read are left out. */
export async function readFrameSamples(
  ffprobePath: string,
  { path, index, places }: SampledPicture,
  options: ProgramOptions,
): Promise<readonly SampledFrame[]> {
  const intervals = places.map((sec) => (sec === null ? `%+#${FIRST_FRAMES}` : `${sec.toFixed(3)}%+#${FURTHER_FRAMES}`))
  const fields = 'interlaced_frame,top_field_first,repeat_pict,best_effort_timestamp_time'
  const entries = ['-show_entries', `frame=${fields}`, '-of', 'compact=p=0']
  const selection = ['-select_streams', String(index), '-read_intervals', intervals.join(',')]
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

/** Counts combed frames at each place with ffmpeg's filter idet; none where ffmpeg fails. */
export async function countCombedFrames(
  ffmpegPath: string,
  { path, index, places }: SampledPicture,
  options: ProgramOptions,
): Promise<readonly CombCounts[]> {
  const inputs = places.flatMap((sec) => [
    ...INPUT_OPTIONS,
    ...(sec === null ? [] : ['-ss', sec.toFixed(3)]),
    '-i',
    toInputUrl(path),
  ])
  const chains = places.map((_, i) => `[${i}:${index}]trim=end_frame=${COMPARED_FRAMES},idet[o${i}]`)
  const outputs = places.flatMap((_, i) => ['-map', `[o${i}]`, '-f', 'null', '-'])
  const args = ['-nostdin', '-hide_banner', '-nostats', '-v', 'info', ...inputs]
  const result = await runProgram(ffmpegPath, [...args, '-filter_complex', chains.join(';'), ...outputs], {
    ...options,
    limits: PROGRAM_LIMITS.probe,
  })
  const counts = /Multi frame detection: *TFF: *(\d+) *BFF: *(\d+) *Progressive: *(\d+)/g
  if (result.kind !== 'exited') return []
  return [...result.stderr.matchAll(counts)].map(([, top, bottom, progressive]) => ({
    topFirst: Number(top),
    bottomFirst: Number(bottom),
    progressive: Number(progressive),
  }))
}
