import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { runProgram, type ProgramOptions } from '../platform/run-program.ts'
import { INPUT_OPTIONS, toInputUrl } from './media-input.ts'
import type { ProbedMedia } from './probed-media.ts'

/** More packets than any decoder holds back before it returns its first frame. */
const PACKETS = 64

/** Containers without presentation times: ffmpeg takes the time at which the decoder returns a frame. */
const WITHOUT_TIMES = ['avi']

/**
 * Returns the probe with the picture's start set to the time at which ffmpeg shows the first frame. In AVI that is
 * later than the header says, by as many frames as the decoder holds back for reordering.
 */
export async function correctVideoStart(
  ffprobePath: string,
  file: { readonly path: string; readonly probe: ProbedMedia },
  options: ProgramOptions,
): Promise<ProbedMedia> {
  const { path, probe } = file
  if (probe.video === null || !WITHOUT_TIMES.includes(probe.format)) return probe
  const packets = ['-select_streams', String(probe.video.index), '-read_intervals', `%+#${PACKETS}`]
  const entries = ['-show_entries', 'frame=best_effort_timestamp_time', '-of', 'csv=p=0']
  const args = ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...packets, ...entries, '-i', toInputUrl(path)]
  const result = await runProgram(ffprobePath, args, { ...options, limits: PROGRAM_LIMITS.probe })
  const startSec = result.kind === 'exited' ? Number.parseFloat(result.stdout) : Number.NaN
  return startSec > probe.video.startSec ? { ...probe, video: { ...probe.video, startSec } } : probe
}
