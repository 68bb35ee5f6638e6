import { type ProgramOptions, type ProgramResult, runProgram } from '../platform/run-program.ts'
import { identifySegmentFormat } from './segment-format.ts'

/** A fetched segment; `map` is the initialization section that precedes it (EXT-X-MAP), or `null`. */
export type MediaSegment = { readonly bytes: Uint8Array; readonly map: Uint8Array | null }

export type FfmpegOptions = Pick<ProgramOptions, 'timeoutMs' | 'signal'> & {
  /** Options of the decoder and of the input. */
  readonly inputArgs: readonly string[]
  readonly outputArgs: readonly string[]
  /** Number of pipes that the outputs write to, from file descriptor 3 on. */
  readonly pipes: number
}

/** ffmpeg's output on stdout and on the further pipes, or one line with the reason of a failure. */
type FfmpegResult =
  | { readonly kind: 'done'; readonly stdout: string; readonly pipes: readonly string[] }
  | { readonly kind: 'failed'; readonly error: string }

/** DCI 4K. Larger pictures are refused before they are decoded. */
const MAX_PIXELS = 4096 * 2304
const MAX_ERROR_CHARS = 200

/** Bytes and µs to read for the detection of tracks: all of the segment, because a track may begin late. */
const PROBING = ['-probesize', '1G', '-analyzeduration', '1G']

/**
 * Runs ffmpeg on a segment that it reads from a pipe, with one thread. The format is fixed beforehand and only the pipe
 * protocol is allowed, so that the segment cannot make ffmpeg read a file or an address.
 */
export async function runFfmpegOnSegment(
  ffmpegPath: string,
  segment: MediaSegment,
  options: FfmpegOptions,
): Promise<FfmpegResult> {
  const identified = identifySegmentFormat(segment.bytes)
  if (identified.kind === 'other') return fail(identified.problem)
  const args = [
    ['-nostdin', '-hide_banner', '-nostats', '-v', 'error', '-threads', '1', '-filter_threads', '1'],
    ['-max_pixels', String(MAX_PIXELS), ...PROBING, ...options.inputArgs],
    ['-protocol_whitelist', 'pipe', '-f', identified.format, '-i', 'pipe:0'],
    options.outputArgs,
  ]
  const { timeoutMs, signal, pipes } = options
  const input = segment.map === null ? [identified.bytes] : [segment.map, identified.bytes]
  return toFfmpegResult(await runProgram(ffmpegPath, args.flat(), { timeoutMs, signal, pipes, input }), timeoutMs)
}

function toFfmpegResult(result: ProgramResult, timeoutMs: number): FfmpegResult {
  switch (result.kind) {
    case 'exited':
      if (result.code === 0) return { kind: 'done', stdout: result.stdout, pipes: result.pipes }
      return fail(readFirstError(result.stderr) || `ffmpeg exited with ${result.code}`)
    case 'killed':
      return fail(`ffmpeg was ended by ${result.signal}`)
    case 'timed_out':
      return fail(`ffmpeg took longer than ${Math.round(timeoutMs / 1000)} s`)
    case 'missing':
      return fail('ffmpeg cannot be started')
    case 'aborted':
      return fail('aborted')
  }
}

function fail(error: string): FfmpegResult {
  return { kind: 'failed', error }
}

/** Returns ffmpeg's first error message, without memory addresses. */
function readFirstError(stderr: string): string {
  const line = stderr.replaceAll(/\[[^\]]* @ 0x[0-9a-f]+\] /g, '').split('\n', 1)[0] ?? ''
  return line.trim().slice(0, MAX_ERROR_CHARS)
}
