import type { Stats } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { runProgram } from '../../platform/run-program.ts'
import { fault, mishap, type Unfinished } from '../failure.ts'
import { encoderFailure } from './encoder-failure.ts'
import { type EncoderProgress, progressReader } from './encoder-progress.ts'

export type EncoderRun = {
  readonly ffmpegPath: string
  /** The run's own working folder: it must be there, and names of outputs are relative to it. */
  readonly dir: string
  readonly signal: AbortSignal
  /** Wall-clock time that it may take. */
  readonly timeoutMs: number
  /** An ffmpeg that gets on by nothing and writes nothing for so long is ended. Default 60 s. */
  readonly stallMs?: number
  /** All files of the folder together. */
  readonly maxOutputBytes: number
  /** A run is ended when less is left on the disk: ffmpeg does not tell of segments that it could not write. Default 16 MiB. */
  readonly minFreeBytes?: number
  /** Is told about twice a second. */
  readonly onProgress: (progress: EncoderProgress) => void
}

/** `done`: ffmpeg has written all that it was told to, which may still be less than was expected of the source. */
export type EncodeResult = { readonly kind: 'done' } | Unfinished

/** The default of `stallMs`. */
export const STALL_MS = 60_000
const MIN_FREE_BYTES = 16 * 1024 * 1024
const MEASURE_EVERY_MS = 2000

/**
 * Runs ffmpeg in a working folder, with `-progress pipe:1` among its arguments, and ends it with its children when it
 * stalls, writes too much or takes too long, and on the signal. Every outcome is a value: `STALLED`, `ENOSPC` and a
 * killed ffmpeg are transient; `JOB_TIMEOUT`, `OUTPUT_TOO_LARGE`, `INPUT_INVALID` and other complaints of ffmpeg's
 * (`ENCODE_FAILED`) are not. What lies in the folder afterwards is the caller's.
 */
export async function runEncoder(args: readonly string[], run: EncoderRun): Promise<EncodeResult> {
  const watch = watchOver(run)
  try {
    const result = await runProgram(run.ffmpegPath, args, {
      timeoutMs: run.timeoutMs,
      signal: AbortSignal.any([run.signal, watch.signal]),
      cwd: run.dir,
      onStdout: watch.read,
    })
    if (result.kind === 'exited' && result.code === 0) await watch.measure()
    const verdict = run.signal.aborted ? null : watch.verdict()
    return verdict ?? encoderFailure(result, run.timeoutMs) ?? { kind: 'done' }
  } finally {
    watch.stop()
  }
}

/** Follows a run by its progress; its signal fires when the run is to end, and `verdict` then says why. */
function watchOver(run: EncoderRun) {
  const { dir, stallMs = STALL_MS, maxOutputBytes, minFreeBytes = MIN_FREE_BYTES, onProgress } = run
  const abort = new AbortController()
  const parse = progressReader()
  let verdict: Unfinished | null = null
  let mark = ''
  let measuredAtMs = -Infinity
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  arm(stallMs)

  function end(why: Unfinished): void {
    verdict ??= why
    abort.abort()
  }

  function arm(afterMs: number): void {
    clearTimeout(timer)
    if (!isOver) timer = setTimeout(() => void judge(), afterMs)
  }

  /** ffmpeg says nothing while it rewrites a file to put its index first, however long that takes. */
  async function judge(): Promise<void> {
    const before = mark
    const quietMs = Date.now() - Math.max(0, ...(await filesIn(dir)).map(({ mtimeMs }) => mtimeMs))
    if (mark !== before) return
    if (quietMs < stallMs) return arm(Math.min(stallMs, stallMs - quietMs))
    end(mishap('STALLED', `ffmpeg made no progress for ${Math.round(stallMs / 1000)} s`))
  }

  async function measure(): Promise<void> {
    const bytes = (await filesIn(dir)).reduce((sum, { size }) => sum + size, 0)
    if (bytes > maxOutputBytes) end(fault('OUTPUT_TOO_LARGE', `the output is larger than ${maxOutputBytes} bytes`))
    const disk = await statfs(dir).catch(() => null)
    if (disk !== null && disk.bavail * disk.bsize < minFreeBytes)
      end(mishap('ENOSPC', 'there is no space left for the output'))
  }

  function read(text: string): void {
    for (const block of parse(text)) {
      onProgress(block.progress)
      if (block.mark === mark) continue
      mark = block.mark
      arm(stallMs)
    }
    if (performance.now() - measuredAtMs < MEASURE_EVERY_MS) return
    measuredAtMs = performance.now()
    void measure()
  }

  function stop(): void {
    isOver = true
    clearTimeout(timer)
  }

  return { signal: abort.signal, read, measure, verdict: () => verdict, stop }
}

/** Files may go while they are counted: ffmpeg renames its playlists, and who ended the run may remove the folder. */
async function filesIn(dir: string): Promise<readonly Stats[]> {
  const names = await readdir(dir).catch(() => [])
  const found = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => null)))
  return found.filter((file) => file !== null)
}
