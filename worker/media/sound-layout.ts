import { createLineReader } from '../platform/line-reader.ts'
import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { runProgram, type ProgramOptions } from '../platform/run-program.ts'
import { INPUT_OPTIONS, toInputUrl } from './media-input.ts'
import type { ProbedMedia } from './probed-media.ts'

/** Codecs whose frames carry their own layout. Of AAC, that depends on the container. */
const SELF_DESCRIBING = /^(?:e?ac3|mp[123]|dts|truehd|mlp)$/
const WITH_AAC_HEADERS = ['mpegts', 'aac']

/**
 * Returns the probe with the most channels that the sound has anywhere. A recording may begin with mono, of which the
 * output must not be made when stereo or surround sound follows. Only mono whose layout may change is decoded for that.
 */
export async function correctChannels(
  ffprobePath: string,
  file: { readonly path: string; readonly probe: ProbedMedia },
  options: ProgramOptions,
): Promise<ProbedMedia> {
  const { path, probe } = file
  const { audio } = probe
  if (audio === null || audio.channels !== 1 || !mayChange(probe.format, audio.codec)) return probe
  let channels: number = audio.channels
  const readLine = (line: string) => {
    const count = Number.parseInt(line, 10)
    if (count > channels) channels = count
  }
  const entries = ['-select_streams', String(audio.index), '-show_entries', 'frame=channels', '-of', 'csv=p=0']
  const args = ['-hide_banner', '-v', 'error', ...INPUT_OPTIONS, ...entries, '-i', toInputUrl(path)]
  const onStdout = createLineReader(readLine)
  await runProgram(ffprobePath, args, { ...options, limits: PROGRAM_LIMITS.probe, onStdout })
  return { ...probe, audio: { ...audio, channels } }
}

function mayChange(format: string, codec: string): boolean {
  return SELF_DESCRIBING.test(codec) || (codec === 'aac' && WITH_AAC_HEADERS.includes(format))
}
