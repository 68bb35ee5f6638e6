import type { Readable } from 'node:stream'

import { atExit } from './at-exit.ts'
import type { ProgramLimits } from './program-limits.ts'
import { inheritedEnvironment, isMissing, keepTail, killGroup, spawnProgram } from './spawn-program.ts'

/** How a started program ended. `missing`: it could not be started. `killed`: a signal ended it. */
export type ProgramExit =
  | { readonly kind: 'exited'; readonly code: number; readonly stderr: string }
  | { readonly kind: 'killed'; readonly signal: string; readonly stderr: string }
  | { readonly kind: 'missing' }

/** A running program that reads a stream and writes streams. Disposing of it kills it and waits for its end. */
export type RunningProgram = AsyncDisposable & {
  /** Its output pipes, from file descriptor 3 on. Each must be read, or the program stops at a full pipe. */
  readonly pipes: readonly Readable[]
  /** Resolves once it has exited and its outputs have ended. */
  readonly exited: Promise<ProgramExit>
  /** Writes to its stdin; resolves once there is room for more, or the program has closed its stdin. */
  write(bytes: Uint8Array): Promise<void>
  /** Ends its stdin. */
  closeInput(): void
  /** Kills it and all its children. */
  kill(): void
}

type StartProgramOptions = {
  /** Number of output pipes, from file descriptor 3 on. */
  readonly pipes: number
  readonly limits: ProgramLimits
}

/**
 * Starts a program that runs until its stdin ends or it is killed: in its own process group, without a shell and
 * without secrets in its environment. On Linux, the kernel kills it when this process dies.
 */
export function startProgram(
  file: string,
  args: readonly string[],
  { pipes, limits }: StartProgramOptions,
): RunningProgram {
  const child = spawnProgram(file, args, { pipes, limits, env: inheritedEnvironment(), cwd: process.cwd() })
  const readStderr = keepTail(child.stderr)
  child.stdout.resume()
  // Ends with EPIPE where the program stops reading; how the program ended is in `exited`.
  child.stdin.on('error', () => {})
  const outputs = child.stdio.slice(3).filter(isReadable)
  for (const output of outputs) output.on('error', () => {})
  const kill = () => {
    killGroup(child.pid)
    // A grandchild that left the group may keep the pipes open.
    for (const pipe of child.stdio) pipe?.destroy()
  }
  const forget = atExit(kill)
  const exited = waitForExit()
  return {
    pipes: outputs,
    exited,
    write: (bytes) => writeTo(child.stdin, bytes),
    closeInput: () => child.stdin.end(),
    kill,
    async [Symbol.asyncDispose]() {
      kill()
      await exited
    },
  }

  async function waitForExit(): Promise<ProgramExit> {
    const { exitCode, signal } = await child
    forget()
    killGroup(child.pid)
    const stderr = readStderr()
    if (isMissing(child.pid, exitCode, stderr)) return { kind: 'missing' }
    if (exitCode === undefined) return { kind: 'killed', signal: signal ?? 'unknown', stderr }
    return { kind: 'exited', code: exitCode, stderr }
  }
}

function isReadable(stream: unknown): stream is Readable {
  return typeof stream === 'object' && stream !== null && 'read' in stream
}

type Input = ReturnType<typeof spawnProgram>['stdin']

/** Writes bytes, and resolves once the stream has room, has ended or has failed. */
function writeTo(input: Input, bytes: Uint8Array): Promise<void> {
  if (input.destroyed || input.writableEnded || input.write(bytes)) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      for (const event of ['drain', 'close', 'error']) input.removeListener(event, end)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) input.on(event, end)
  })
}
