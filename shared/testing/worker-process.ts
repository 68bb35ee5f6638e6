import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { inject } from 'vitest'

/** How a worker process ended. */
export type WorkerExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A running worker; disposing of it kills the process. */
export type WorkerProcess = AsyncDisposable & {
  readonly pid: number
  /** The lines of its stdout and stderr so far. */
  readonly lines: readonly string[]
  readonly exited: Promise<WorkerExit>
  kill(signal: NodeJS.Signals): void
  /** Closes its stdin, as the end of the launching gateway does. */
  closeStdin(): void
}

const FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=96', '--optimize-for-size']

/**
 * Starts the worker program in a process of its own. Of this process's environment it inherits only what every program
 * needs. `wrapper` is a command that runs the command line in its arguments.
 */
export function startWorker(env: NodeJS.ProcessEnv, wrapper: readonly string[] = []): WorkerProcess {
  const { PATH, HOME, TMPDIR } = process.env
  const [file, ...args] = [...wrapper, process.execPath, ...FLAGS, inject('workerEntry')]
  const child = spawn(file, args, { env: { PATH, HOME, TMPDIR, ...env } })
  const lines: string[] = []
  for (const output of [child.stdout, child.stderr]) createInterface(output).on('line', (line) => lines.push(line))
  // `close` follows the last output, `exit` may precede it.
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  return {
    pid: requirePid(child),
    lines,
    exited,
    kill: (signal) => child.kill(signal),
    closeStdin: () => child.stdin.end(),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function requirePid(child: ChildProcessWithoutNullStreams): number {
  if (child.pid === undefined) throw new Error('node could not be started')
  return child.pid
}
