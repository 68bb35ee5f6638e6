import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'

import { execa } from 'execa'

import { limitCommand, type ProgramLimits } from './program-limits.ts'

export type SpawnOptions = {
  /** Number of further output pipes, from file descriptor 3 on. */
  readonly pipes: number
  /** Limit of each kept output; a program that exceeds it is killed. */
  readonly maxBuffer?: number
  /** Which outputs are kept; the others are only streamed. None by default. */
  readonly buffer?: { readonly stdout: boolean; readonly stderr: boolean }
  /** The whole of stdin. Without it, stdin stays open. */
  readonly input?: Uint8Array
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Limits of its resources. Those of its whole tree are its caller's to watch: `watchTree`. */
  readonly limits: ProgramLimits
}

/** Kept length of stderr, from its end: the last lines contain the reason of a failure. */
const MAX_STDERR_CHARS = 64 * 1024

/** Sets PR_SET_PDEATHSIG (prctl(2)) and then becomes the program: setpriv(1). */
const SETPRIV = '/usr/bin/setpriv'

/**
 * Starts a program in its own process group, under its limits and without a shell. On Linux, the kernel kills it when this
 * process dies. The caller ends the group by `killGroup`. The result never rejects.
 */
export function spawnProgram(program: string, programArgs: readonly string[], options: SpawnOptions) {
  const [file = program, ...args] = [
    ...(existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--'] : []),
    ...limitCommand(options.limits),
    program,
    ...programArgs,
  ]
  return execa(file, args, {
    reject: false,
    detached: true,
    killSignal: 'SIGKILL',
    encoding: 'buffer',
    stripFinalNewline: false,
    buffer: options.buffer ?? false,
    stdio: ['pipe', 'pipe', 'pipe', ...Array.from({ length: options.pipes }, () => 'pipe' as const)],
    ...(options.maxBuffer === undefined ? {} : { maxBuffer: options.maxBuffer }),
    ...(options.input === undefined ? {} : { input: options.input }),
    extendEnv: false,
    env: options.env,
    cwd: options.cwd,
  })
}

/** Returns whether no process was started, or a program before it failed because it does not exist. */
export function isMissing(pid: number | undefined, code: number | undefined, stderr: string): boolean {
  return pid === undefined || ([126, 127].includes(code ?? 0) && /^(?:setpriv|prlimit): failed to execute/.test(stderr))
}

/** Variables by which programs find libraries and temporary files, and choose their language. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'TZ', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LC_MESSAGES']

/**
 * Returns the inherited variables that are set. Programs that read untrusted files must not see secrets: keys of a
 * store, the worker's token, a proxy's password. A program that needs a proxy receives it as an argument.
 */
export function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(INHERITED.map((name) => [name, process.env[name]] as const).filter(isSet))
}

function isSet(entry: readonly [string, string | undefined]): entry is readonly [string, string] {
  return entry[1] !== undefined
}

/** Reads a stream to its end, and returns a function that returns the last characters read so far. */
export function keepTail(stream: Readable): () => string {
  let tail = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-MAX_STDERR_CHARS)
  })
  return () => tail
}

/** Kills the processes that are left of a program's group, if any. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: no process of the group is left.
  }
}
