import type { Stats } from 'node:fs'
import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

import { permanentFailure, transientFailure, type FailedOrAborted, type StepResult } from '../result.ts'
import { classifyEncoderResult } from './encoder-failure.ts'
import { createProgressParser, type EncoderProgress } from './encoder-progress.ts'
import { runWithSource } from './run-with-source.ts'

export type EncoderOptions = {
  readonly ffmpegPath: string
  /** Working folder of the run, which must exist. Names of output files are relative to it. */
  readonly dir: string
  readonly signal: AbortSignal
  /** Wall-clock limit of the run. */
  readonly timeoutMs: number
  /** Time without progress and without a written file after which the run is aborted; 60 s by default. */
  readonly stallMs?: number
  /** Limit of all files in the folder together. */
  readonly maxOutputBytes: number
  /** Free disk space below which the run is aborted, since ffmpeg ignores failed segments; 16 MiB by default. */
  readonly minFreeBytes?: number
  /** Arguments of another run of ffmpeg, whose file descriptor 3 is the stdin of this one; none by default. */
  readonly soundArgs?: readonly string[] | null
  /** Called about twice a second. */
  readonly onProgress: (progress: EncoderProgress) => void
}

/** Default of `stallMs`. */
export const DEFAULT_STALL_MS = 60_000
const MIN_FREE_BYTES = 16 * 1024 * 1024
const MEASURE_INTERVAL_MS = 2000

/**
 * Runs ffmpeg in a working folder, and aborts it with its children when it stalls, writes too much or takes too long.
 * The arguments must contain `-progress pipe:1`. Every outcome is a value; a failure is `STALLED`, `ENOSPC`,
 * `JOB_TIMEOUT`, `OUTPUT_TOO_LARGE`, `INPUT_INVALID` or `ENCODE_FAILED`. The caller removes the folder.
 */
export async function runEncoder(args: readonly string[], options: EncoderOptions): Promise<StepResult> {
  const watchdog = createWatchdog(options)
  try {
    const result = await runWithSource(options.ffmpegPath, args, {
      sourceArgs: options.soundArgs ?? null,
      timeoutMs: options.timeoutMs,
      signal: AbortSignal.any([options.signal, watchdog.signal]),
      cwd: options.dir,
      onStdout: watchdog.readProgress,
    })
    if (result.kind === 'exited' && result.code === 0) await watchdog.checkSizes()
    const failure = options.signal.aborted ? null : watchdog.failure()
    return failure ?? classifyEncoderResult(result, options.timeoutMs) ?? { kind: 'done' }
  } finally {
    watchdog.stop()
  }
}

/** Creates a watchdog of one run, which follows its progress. When it aborts its signal, `failure` returns the reason. */
function createWatchdog(options: EncoderOptions) {
  const { dir, stallMs = DEFAULT_STALL_MS, maxOutputBytes, minFreeBytes = MIN_FREE_BYTES, onProgress } = options
  const abort = new AbortController()
  const parse = createProgressParser()
  let failure: FailedOrAborted | null = null
  let position = ''
  let measuredAtMs = -Infinity
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  restartTimer(stallMs)

  function fail(reason: FailedOrAborted): void {
    failure ??= reason
    abort.abort()
  }

  function restartTimer(delayMs: number): void {
    clearTimeout(timer)
    if (!isStopped) timer = setTimeout(() => void checkStall(), delayMs)
  }

  /** ffmpeg reports no progress while it rewrites a file to put its index first; the file's mtime advances instead. */
  async function checkStall(): Promise<void> {
    const before = position
    const idleMs = Date.now() - Math.max(0, ...(await statFiles(dir)).map(({ mtimeMs }) => mtimeMs))
    if (position !== before) return
    if (idleMs < stallMs) return restartTimer(Math.min(stallMs, stallMs - idleMs))
    fail(transientFailure('STALLED', `ffmpeg made no progress for ${Math.round(stallMs / 1000)} s`))
  }

  async function checkSizes(): Promise<void> {
    const bytes = (await statFiles(dir)).reduce((sum, { size }) => sum + size, 0)
    if (bytes > maxOutputBytes)
      fail(permanentFailure('OUTPUT_TOO_LARGE', `the output is larger than ${maxOutputBytes} bytes`))
    const disk = await statfs(dir).catch(() => null)
    if (disk !== null && disk.bavail * disk.bsize < minFreeBytes)
      fail(transientFailure('ENOSPC', 'no space is left on the disk for the output'))
  }

  function readProgress(text: string): void {
    for (const report of parse(text)) {
      onProgress(report.progress)
      if (report.position === position) continue
      position = report.position
      restartTimer(stallMs)
    }
    if (performance.now() - measuredAtMs < MEASURE_INTERVAL_MS) return
    measuredAtMs = performance.now()
    void checkSizes()
  }

  function stop(): void {
    isStopped = true
    clearTimeout(timer)
  }

  return { signal: abort.signal, readProgress, checkSizes, failure: () => failure, stop }
}

/** Returns the stats of a folder's files. Files may vanish meanwhile: ffmpeg renames its playlists. */
async function statFiles(dir: string): Promise<readonly Stats[]> {
  const names = await readdir(dir).catch(() => [])
  const found = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => null)))
  return found.filter((file) => file !== null)
}
