import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import { runProgram } from '../../../platform/run-program.ts'

/** The packet times of a track, in ticks, each list in ascending order: encoders may reorder frames differently. */
type TrackTimes = {
  readonly pts: readonly number[]
  readonly dts: readonly number[]
  readonly durations: readonly number[]
  readonly keys: readonly number[]
}

async function runTool(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const result = await runProgram(program, args, { timeoutMs: PATIENCE_MS, signal: new AbortController().signal })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result).slice(0, 1000))
  return result
}

/** Runs ffmpeg with the given arguments; throws where it fails. */
export async function runFfmpeg(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return runTool('ffmpeg', ['-nostdin', '-hide_banner', '-y', ...args])
}

/** Reads the packet times of every track of a file, a playlist or a manifest. */
export async function readTrackTimes(path: string): Promise<readonly TrackTimes[]> {
  const entries = 'packet=stream_index,pts,dts,duration,flags'
  const { stdout } = await runTool('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'csv=p=0', path])
  const packets = stdout.split('\n').flatMap((line) => {
    const [index, pts, dts, duration, flags = ''] = line.split(',')
    if (index === undefined || index === '') return []
    const isKey = flags.startsWith('K')
    return [{ index: Number(index), pts: Number(pts), dts: Number(dts), duration: Number(duration), isKey }]
  })
  const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b)
  const count = Math.max(...packets.map(({ index }) => index)) + 1
  return Array.from({ length: count }, (_, track) => {
    const own = packets.filter(({ index }) => index === track)
    return {
      pts: sorted(own.map(({ pts }) => pts)),
      dts: sorted(own.map(({ dts }) => dts)),
      durations: sorted(own.map(({ duration }) => duration)),
      keys: sorted(own.filter(({ isKey }) => isKey).map(({ pts }) => pts)),
    }
  })
}

/** Measures the similarity (SSIM) of two videos, frame by frame from their first frames on; 1 means equal. */
export async function measureSsim(path: string, reference: string): Promise<number> {
  const graph = '[0:v:0]setpts=PTS-STARTPTS[a];[1:v:0]setpts=PTS-STARTPTS[b];[a][b]ssim'
  const { stderr } = await runFfmpeg(['-i', path, '-i', reference, '-lavfi', graph, '-f', 'null', '-'])
  return Number(/All:([\d.]+)/.exec(stderr)?.[1])
}

/** Returns a digest of the decoded audio. */
export async function digestAudio(path: string): Promise<string> {
  const { stdout } = await runFfmpeg(['-v', 'error', '-i', path, '-map', '0:a:0', '-f', 'md5', '-'])
  return stdout
}

/** Returns a digest of the first decoded frame. */
export async function digestFirstFrame(path: string): Promise<string> {
  const { stdout } = await runFfmpeg(['-v', 'error', '-i', path, '-map', '0:v:0', '-frames:v', '1', '-f', 'md5', '-'])
  return stdout
}
