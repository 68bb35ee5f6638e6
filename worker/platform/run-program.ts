import type { Readable } from 'node:stream'

import { atExit } from './at-exit.ts'
import { PROGRAM_LIMITS, type ProgramLimits } from './program-limits.ts'
import {
  inheritedEnvironment,
  isMissing,
  keepTail,
  killGroup,
  spawnProgram,
  type SpawnOptions,
} from './spawn-program.ts'
import { watchTree } from './watch-tree.ts'

/**
 * How a program's run ended. `missing`: it could not be started, because it does not exist or is not executable.
 * `killed`: a signal ended it; where it exceeded the limit of its output or of its tree, `stderr` says so.
 */
export type ProgramResult =
  | {
      readonly kind: 'exited'
      readonly code: number
      readonly stdout: string
      readonly stderr: string
      readonly pipes: readonly string[]
    }
  | { readonly kind: 'timed_out' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'killed'; readonly signal: string; readonly stderr: string }

export type ProgramOptions = {
  /** Wall-clock limit of the program and all its children. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Chunks of stdin, in order; empty by default. */
  readonly input?: readonly Uint8Array[]
  /** A stream to be read from stdin instead. The program may end before the stream does. */
  readonly source?: Readable
  /** Number of further output pipes, from file descriptor 3 on; none by default. */
  readonly pipes?: number
  /** Limit of stdout and of each further pipe; a program that exceeds it is killed. 16 MiB by default. */
  readonly maxStdoutBytes?: number
  /** Receives stdout as text while the program runs. Stdout is then neither kept nor limited. */
  readonly onStdout?: (text: string) => void
  /** The program's complete environment; by default the variables of `INHERITED`. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Limits of its resources; those of an encoder by default, which are the widest. */
  readonly limits?: ProgramLimits
}

const MAX_STDOUT_BYTES = 16 * 1024 * 1024

/**
 * Runs a program until it exits, in its own process group and without a shell. The deadline and the signal kill the
 * whole group; on Linux, the kernel also kills it when this process dies. Every outcome is a value, and a program that
 * does not read all of its input has not failed.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  if (options.signal.aborted) return { kind: 'aborted' }
  const limits = options.limits ?? PROGRAM_LIMITS.encoder
  const child = spawnProgram(file, args, toSpawnOptions(options, limits))
  const readStderr = keepTail(child.stderr)
  streamText(child.stdout, options.onStdout)
  // Ends with EPIPE where the program stops reading.
  options.source?.pipe(child.stdin).on('error', () => {})
  const end = () => {
    killGroup(child.pid)
    // A grandchild that left the group may keep the pipes open.
    for (const pipe of child.stdio) pipe?.destroy()
  }
  let isTimedOut = false
  const deadline = setTimeout(() => {
    isTimedOut = true
    end()
  }, options.timeoutMs)
  options.signal.addEventListener('abort', end)
  const forget = atExit(end)
  const watch = watchTree(child.pid, limits.tree, end)
  try {
    const result = await child
    if (options.signal.aborted) return { kind: 'aborted' }
    if (isTimedOut) return { kind: 'timed_out' }
    const excess = watch.exceeded()
    if (excess !== null) return { kind: 'killed', signal: 'SIGKILL', stderr: excess }
    return toProgramResult(child.pid, result, readStderr())
  } finally {
    clearTimeout(deadline)
    watch.stop()
    options.signal.removeEventListener('abort', end)
    forget()
    killGroup(child.pid)
  }
}

type SpawnResult = Awaited<ReturnType<typeof spawnProgram>>

/** Returns how a program ended that no one has killed but for its output. */
function toProgramResult(pid: number | undefined, result: SpawnResult, stderr: string): ProgramResult {
  if (isMissing(pid, result.exitCode, stderr)) return { kind: 'missing' }
  if (result.isMaxBuffer) return { kind: 'killed', signal: 'SIGKILL', stderr: result.shortMessage ?? '' }
  if (result.exitCode === undefined) return { kind: 'killed', signal: result.signal ?? 'unknown', stderr }
  const [, stdout = '', , ...pipes] = result.stdio.map(toText)
  return { kind: 'exited', code: result.exitCode, stdout, stderr, pipes }
}

function toSpawnOptions(options: ProgramOptions, limits: ProgramLimits): SpawnOptions {
  return {
    limits,
    maxBuffer: options.maxStdoutBytes ?? MAX_STDOUT_BYTES,
    buffer: { stdout: options.onStdout === undefined, stderr: false },
    pipes: options.pipes ?? 0,
    ...(options.source === undefined ? { input: concatenate(options.input ?? []) } : {}),
    env: options.env ?? inheritedEnvironment(),
    cwd: options.cwd ?? process.cwd(),
  }
}

/** Concatenates chunks. A single chunk, such as a segment of some MiB, is not copied. */
function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks
  return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks)
}

function toText(output: Uint8Array | undefined): string {
  return Buffer.from(output ?? []).toString()
}

function streamText(stream: Readable, onText: ProgramOptions['onStdout']): void {
  if (onText !== undefined) stream.setEncoding('utf8').on('data', onText)
}
