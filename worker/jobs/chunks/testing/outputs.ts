import { runProgram } from '../../../platform/run-program.ts'

/** A track as its packets have it, each list in rising order: encoders may order frames in another way. */
type TrackTimes = {
  readonly pts: readonly number[]
  readonly dts: readonly number[]
  readonly durations: readonly number[]
  readonly keys: readonly number[]
}

async function outputOf(program: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const result = await runProgram(program, args, { timeoutMs: 60_000, signal: new AbortController().signal })
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(JSON.stringify(result).slice(0, 1000))
  return result
}

export async function ffmpeg(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return outputOf('ffmpeg', ['-nostdin', '-hide_banner', '-y', ...args])
}

/** The times of every track of a file or a set, in ticks. */
export async function timesOf(path: string): Promise<readonly TrackTimes[]> {
  const entries = 'packet=stream_index,pts,dts,duration,flags'
  const { stdout } = await outputOf('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'csv=p=0', path])
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

/** How alike the pictures of two files are, frame by frame from the first on: 1 is the same. */
export async function ssim(path: string, reference: string): Promise<number> {
  const graph = '[0:v:0]setpts=PTS-STARTPTS[a];[1:v:0]setpts=PTS-STARTPTS[b];[a][b]ssim'
  const { stderr } = await ffmpeg(['-i', path, '-i', reference, '-lavfi', graph, '-f', 'null', '-'])
  return Number(/All:([\d.]+)/.exec(stderr)?.[1])
}

/** A digest of the decoded sound. */
export async function soundOf(path: string): Promise<string> {
  const { stdout } = await ffmpeg(['-v', 'error', '-i', path, '-map', '0:a:0', '-f', 'md5', '-'])
  return stdout
}

/** A digest of the first picture, decoded. */
export async function firstPictureOf(path: string): Promise<string> {
  const { stdout } = await ffmpeg(['-v', 'error', '-i', path, '-map', '0:v:0', '-frames:v', '1', '-f', 'md5', '-'])
  return stdout
}
