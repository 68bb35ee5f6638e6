import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'

import { execa } from 'execa'

/**
 * How a program's run ended. `missing`: it could not be started (not there, not executable). `killed`: a signal ended
 * it; where it was ours, because it wrote too much, `stderr` says so.
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

export type RunOptions = {
  /** Wall-clock time that the program and all its children may take. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** What it reads on stdin, piece after piece; without it stdin is empty. */
  readonly input?: readonly Uint8Array[]
  /** So many pipes more to write to, from file descriptor 3 on, and what came through them in `pipes`. Default none. */
  readonly pipes?: number
  /** A program that writes more than this to stdout, or to another pipe, is killed. Default 16 MiB. */
  readonly maxStdoutBytes?: number
  /** Is handed what comes on stdout as it comes, as text; it is then kept nowhere else, and has no limit. */
  readonly onStdout?: (text: string) => void
  /** Its whole environment; without it, it sees of ours what `PASSED_ON` names. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const MAX_STDOUT_BYTES = 16 * 1024 * 1024

/** As much of stderr is kept, from its end: the last lines say why a program gave up. */
const MAX_STDERR_CHARS = 64 * 1024

/**
 * Runs a program to its end in a process group of its own, never through a shell. Deadline and signal kill the whole
 * group at once, and on Linux the kernel kills it when this process dies, even by SIGKILL. Every outcome is a value; a
 * child that does not read its input to the end is no failure.
 */
export async function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<ProgramResult> {
  if (options.signal.aborted) return { kind: 'aborted' }
  const child = start(file, args, options)
  const stderr = keepTail(child.stderr)
  follow(child.stdout, options.onStdout)
  const end = () => {
    killGroup(child.pid)
    // A grandchild that left the group may hold the pipes open for ever.
    for (const pipe of child.stdio) pipe?.destroy()
  }
  let isLate = false
  const deadline = setTimeout(() => {
    isLate = true
    end()
  }, options.timeoutMs)
  options.signal.addEventListener('abort', end)
  process.once('exit', end)
  try {
    const result = await child
    if (options.signal.aborted) return { kind: 'aborted' }
    if (isLate) return { kind: 'timed_out' }
    if (isMissing(child.pid, result.exitCode, stderr())) return { kind: 'missing' }
    if (result.isMaxBuffer) return { kind: 'killed', signal: 'SIGKILL', stderr: result.shortMessage ?? '' }
    if (result.exitCode === undefined) return { kind: 'killed', signal: result.signal ?? 'unknown', stderr: stderr() }
    const [, stdout = '', , ...pipes] = result.stdio.map(toText)
    return { kind: 'exited', code: result.exitCode, stdout, stderr: stderr(), pipes }
  } finally {
    clearTimeout(deadline)
    options.signal.removeEventListener('abort', end)
    process.removeListener('exit', end)
    killGroup(child.pid)
  }
}

/** PR_SET_PDEATHSIG of prctl(2), for the process that setpriv(1) then becomes. */
const SETPRIV = '/usr/bin/setpriv'

/** Nothing was started; or setpriv was, which then ends like this where there is no such program. */
function isMissing(pid: number | undefined, code: number | undefined, stderr: string): boolean {
  return pid === undefined || ([126, 127].includes(code ?? 0) && stderr.startsWith('setpriv: failed to execute'))
}

function start(program: string, programArgs: readonly string[], options: RunOptions) {
  const [file, args] = existsSync(SETPRIV)
    ? [SETPRIV, ['--pdeathsig', 'KILL', '--', program, ...programArgs]]
    : [program, programArgs]
  return execa(file, args, {
    reject: false,
    detached: true,
    killSignal: 'SIGKILL',
    encoding: 'buffer',
    stripFinalNewline: false,
    maxBuffer: options.maxStdoutBytes ?? MAX_STDOUT_BYTES,
    buffer: { stdout: options.onStdout === undefined, stderr: false },
    stdio: ['pipe', 'pipe', 'pipe', ...Array.from({ length: options.pipes ?? 0 }, () => 'pipe' as const)],
    input: joined(options.input ?? []),
    extendEnv: false,
    env: options.env ?? passedOn(),
    cwd: options.cwd ?? process.cwd(),
  })
}

/** How programs, their libraries and temporary files are found, and the language that they speak. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'TZ', 'LANG', 'LC_ALL', 'LC_CTYPE', 'LC_MESSAGES']

/**
 * Of our environment: programs that read what nobody vouches for are to have no key of a store, nor our token, nor a
 * proxy's password; who goes out to the network is told how.
 */
function passedOn(): Record<string, string> {
  return Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]] as const).filter(isSet))
}

function isSet(entry: readonly [string, string | undefined]): entry is readonly [string, string] {
  return entry[1] !== undefined
}

/** A segment is some MiB: it is copied only where it has to be. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts)
}

function toText(output: Uint8Array | undefined): string {
  return Buffer.from(output ?? []).toString()
}

function follow(stream: Readable, onText: RunOptions['onStdout']): void {
  if (onText !== undefined) stream.setEncoding('utf8').on('data', onText)
}

/** Reads a stream to its end; the function that it gives tells the end of what came so far. */
function keepTail(stream: Readable): () => string {
  let tail = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    tail = (tail + chunk).slice(-MAX_STDERR_CHARS)
  })
  return () => tail
}

/** Ends whatever is left of a program and its children; nothing left is success. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // ESRCH: the whole group is gone.
  }
}
