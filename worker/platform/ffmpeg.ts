import { identify } from './container.ts'
import { type ProgramResult, type RunOptions, runProgram } from './run-program.ts'

/** A segment as it was fetched; `map` is what must stand before it (EXT-X-MAP), `null` where nothing must. */
export type Media = { readonly bytes: Uint8Array; readonly map: Uint8Array | null }

export type FfmpegRun = Pick<RunOptions, 'timeoutMs' | 'signal'> & {
  /** Options of the decoder, and what to make of the input. */
  readonly inputArgs: readonly string[]
  readonly outputArgs: readonly string[]
  /** How many pipes the outputs write to from file descriptor 3 on. */
  readonly pipes: number
}

/** What ffmpeg wrote to stdout and to the further pipes, or one line saying why there is nothing. */
type FfmpegResult =
  | { readonly kind: 'done'; readonly stdout: string; readonly pipes: readonly string[] }
  | { readonly kind: 'failed'; readonly error: string }

/** DCI 4K: a picture of more pixels is refused before it is decoded. */
const MAX_PIXELS = 4096 * 2304
const MAX_ERROR_CHARS = 200

/** How many bytes, and µs, it may read to learn what the tracks are: all, for one may begin late in a segment. */
const PROBING = ['-probesize', '1G', '-analyzeduration', '1G']

/**
 * Runs ffmpeg once over a segment that it reads from a pipe, on one thread. The segment's format is decided here and no
 * protocol but the pipe is open, so that nothing in the media can make it read a file or an address.
 */
export async function runFfmpeg(ffmpegPath: string, media: Media, run: FfmpegRun): Promise<FfmpegResult> {
  const container = identify(media.bytes)
  if (container.kind === 'other') return { kind: 'failed', error: container.problem }
  const args = [
    ['-nostdin', '-hide_banner', '-nostats', '-v', 'error', '-threads', '1', '-filter_threads', '1'],
    ['-max_pixels', String(MAX_PIXELS), ...PROBING, ...run.inputArgs],
    ['-protocol_whitelist', 'pipe', '-f', container.format, '-i', 'pipe:0'],
    run.outputArgs,
  ]
  const { timeoutMs, signal, pipes } = run
  const input = media.map === null ? [container.bytes] : [media.map, container.bytes]
  return toResult(await runProgram(ffmpegPath, args.flat(), { timeoutMs, signal, pipes, input }), timeoutMs)
}

function toResult(result: ProgramResult, timeoutMs: number): FfmpegResult {
  switch (result.kind) {
    case 'exited':
      if (result.code === 0) return { kind: 'done', stdout: result.stdout, pipes: result.pipes }
      return failed(firstLine(result.stderr) || `ffmpeg exited with ${result.code}`)
    case 'killed':
      return failed(`ffmpeg was ended by ${result.signal}`)
    case 'timed_out':
      return failed(`ffmpeg took longer than ${Math.round(timeoutMs / 1000)} s`)
    case 'missing':
      return failed('ffmpeg cannot be started')
    case 'aborted':
      return failed('aborted')
  }
}

function failed(error: string): FfmpegResult {
  return { kind: 'failed', error }
}

/** The first thing that ffmpeg complained of, without the addresses of its objects. */
function firstLine(stderr: string): string {
  const line = stderr.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').split('\n', 1)[0] ?? ''
  return line.trim().slice(0, MAX_ERROR_CHARS)
}
