/**
 * Decodes the sound of an input in a process of its own, into one sample format, rate and channel layout.
 *
 * Where the sound changes its layout or its rate, ffmpeg builds the filter graph anew: filters that count (fill gaps, pad,
 * cut) begin again at 0. The filters here do not count, so that nothing is lost or repeated; those that do are in the
 * graph of the encoder, which reads the result and sees one format only.
 */

import { INPUT_OPTIONS, LATE_TRACK_OPTIONS, toInputUrl } from '../../media/media-input.ts'
import type { EncodePlan, InputPlan } from '../plan/encode-plan.ts'
import { buildShiftFilter, formatSeconds, layoutName } from './filter-graph.ts'

/** Makes the channels' shares add up to 1; in floating point, ffmpeg would otherwise let a downmix clip. */
const NORMALIZED_DOWNMIX = 'rematrix_maxval=1.0'
/** The decoder ends this much later than the output, so that the encoder's filters decide about the last sample. */
const SPARE_SEC = 1

/**
 * In formats whose clock may jump (MPEG-TS), ffmpeg counts from the start of the first decoded track, not of the file,
 * unless an offset is set. This offset is shorter than a tick of these formats.
 */
const CLOCK_OFFSET_SEC = 1e-6

const SOUND_OPTIONS = ['-nostdin', '-hide_banner', '-v', 'error', '-max_error_rate', '1']
/** A watched track may lie outside the output. */
const FAIL_IF_EMPTY = ['-abort_on', 'empty_output_stream']
/** NUT keeps the exact time of each packet, so that a gap in the sound stays one. */
const TO_PIPE = ['-map_metadata', '-1', '-c:a', 'pcm_f32le', '-f', 'nut', 'pipe:3']

/**
 * Returns the arguments of the ffmpeg run that writes the decoded sound of an output to file descriptor 3, on the clock of
 * the output; `null` where the output has no sound.
 */
export function buildSoundArgs(plan: EncodePlan, inputPath: string): string[] | null {
  const { audio, input, durationSec } = plan
  if (audio === null || input.audio === null) return null
  const { index, isSilent, keepsOwnEnd } = input.audio
  const [rate, layout] = [audio.sampleRate, layoutName(audio)]
  const end = formatSeconds(durationSec + SPARE_SEC)
  if (isSilent) {
    const silence = `anullsrc=r=${rate}:cl=${layout}`
    return [...SOUND_OPTIONS, '-f', 'lavfi', '-i', silence, '-t', end, ...TO_PIPE]
  }
  const filters = [
    ...buildShiftFilter('asetpts', input.shiftSec),
    'atrim=start=0',
    `aresample=${rate}:${NORMALIZED_DOWNMIX}`,
    `aformat=sample_fmts=flt:sample_rates=${rate}:channel_layouts=${layout}`,
    ...(keepsOwnEnd ? [] : [`atrim=end=${end}`]),
  ]
  const track = ['-map', `0:${index}`, '-af', filters.join(',')]
  const other = input.video === null ? [] : watchClock(input, input.video.index)
  const checks = other.length === 0 ? FAIL_IF_EMPTY : []
  return [...SOUND_OPTIONS, ...checks, ...buildFileArgs(input, inputPath), ...track, ...TO_PIPE, ...other]
}

/**
 * Returns the arguments that open the input file. Decoding begins at the keyframe before a clip, since the clip's first
 * frame may have begun earlier. The filter graph ends the run.
 */
export function buildFileArgs({ seekSec, hasLateTrack }: InputPlan, inputPath: string): string[] {
  const seek = seekSec === null ? [] : ['-noaccurate_seek', '-ss', seekSec.toFixed(6)]
  // ffmpeg subtracts the position that it seeks to from all times; the offset adds it again.
  const offsetSec = (seekSec ?? 0) + CLOCK_OFFSET_SEC
  const inputOptions = hasLateTrack ? LATE_TRACK_OPTIONS : INPUT_OPTIONS
  return [...inputOptions, ...seek, '-itsoffset', offsetSec.toFixed(6), '-i', toInputUrl(inputPath)]
}

/**
 * Returns the arguments that have ffmpeg read a track without decoding it, where the clock may be reset: two runs shift a
 * file by the same time only if they see the same tracks.
 */
export function watchClock({ watchUntilSec }: InputPlan, index: number): string[] {
  if (watchUntilSec === null) return []
  return ['-map', `0:${index}`, '-c', 'copy', '-t', formatSeconds(watchUntilSec), '-f', 'null', '-']
}
