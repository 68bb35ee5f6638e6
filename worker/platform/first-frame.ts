import { INPUT_OPTIONS, inputUrl } from './media-input.ts'
import type { Probe } from './probed-media.ts'
import { runProgram, type RunOptions } from './run-program.ts'

/** More than any decoder holds back before it gives its first frame. */
const PACKETS = 64

/** Containers that say of no frame when it is shown, so that ffmpeg only knows it from when the decoder gives it. */
const WITHOUT_TIMES = ['avi']

/**
 * Lets the picture of a file begin when ffmpeg shows its first frame. In AVI it is as many frames behind the beginning of
 * the file as are held back for those stored out of order, whatever the header says.
 */
export async function fromFirstFrame(ffprobePath: string, of: { path: string; probe: Probe }, options: RunOptions) {
  const { path, probe } = of
  if (probe.video === null || !WITHOUT_TIMES.includes(probe.format)) return probe
  const what = ['-select_streams', String(probe.video.index), '-read_intervals', `%+#${PACKETS}`]
  const shown = ['-show_entries', 'frame=best_effort_timestamp_time', '-of', 'csv=p=0']
  const args = ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...what, ...shown, '-i', inputUrl(path)]
  const result = await runProgram(ffprobePath, args, options)
  const startSec = result.kind === 'exited' ? Number.parseFloat(result.stdout) : Number.NaN
  return startSec > probe.video.startSec ? { ...probe, video: { ...probe.video, startSec } } : probe
}
