import type { ChildProcessByStdio } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import type { WorkerExit, WorkerPhase, WorkerSpec } from '../../ports/launcher.ts'
import { readProcessStartTime } from './process-identity.ts'

/** The process of one worker and its state. */
export type WorkerProcess = {
  readonly spec: WorkerSpec
  /** Pid and start time, unique on this machine. */
  readonly uid: string
  phase(): WorkerPhase
  exit(): WorkerExit | null
  /** The last lines of its log, oldest first. */
  lastLines(): readonly string[]
  /** Resolves once it has exited and its process group is empty. */
  readonly exited: Promise<void>
  /** Sends SIGTERM to the worker, and SIGKILL to its process group after `graceMs`; resolves like `exited`. */
  stop(graceMs: number): Promise<void>
}

export type WorkerProcessEvents = {
  readonly writeLine: (line: string) => void
  /** Called at each change of the phase. */
  readonly onChange: () => void
}

/** A child process whose outputs are read. */
export type PipedChild = ChildProcessByStdio<Writable, Readable, Readable>

const KEPT_LINES = 20
const KEPT_LINE_CHARS = 2000
/** Printed by V8 before it aborts. */
const OUT_OF_MEMORY_MESSAGE = /JavaScript heap out of memory/
/** Longest wait for output of a descendant that left the process group but kept the pipes. */
const OUTPUT_TIMEOUT_MS = 1000
const GROUP_KILL_TIMEOUT_MS = 1000
const GROUP_KILL_INTERVAL_MS = 10

/** Tracks a child process, which must lead its own process group. */
export function watchChild(spec: WorkerSpec, child: PipedChild, reports: WorkerProcessEvents): WorkerProcess {
  let phase: WorkerPhase = 'starting'
  let exit: WorkerExit | null = null
  const lastLines = keepLastLines()
  let ranOutOfMemory = false

  function enterPhase(next: WorkerPhase): void {
    phase = next
    reports.onChange()
  }

  function recordLine(line: string): void {
    lastLines.add(line)
    ranOutOfMemory ||= OUT_OF_MEMORY_MESSAGE.test(line)
    reports.writeLine(line)
  }

  async function trackUntilExit(): Promise<void> {
    const outputClosed = once(child, 'close').catch(() => undefined)
    const ended = await waitForExit(child)
    await killGroup(child.pid)
    await Promise.race([outputClosed, delay(OUTPUT_TIMEOUT_MS, undefined, { ref: false })])
    child.stdout.destroy()
    child.stderr.destroy()
    const reason = ranOutOfMemory && ended.reason === 'SIGABRT' ? 'OOMKilled' : ended.reason
    exit = { code: ended.code, reason, lastLines: lastLines.all(), givenUp: false }
    enterPhase('exited')
  }

  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', recordLine)
  child.once('spawn', () => {
    if (phase === 'starting') enterPhase('running')
  })
  const exited = trackUntilExit()

  async function stop(graceMs: number): Promise<void> {
    if (phase === 'starting' || phase === 'running') {
      child.kill('SIGTERM')
      enterPhase('stopping')
    }
    const finished = new AbortController()
    const graceOver = delay(graceMs, undefined, { signal: finished.signal }).catch(() => undefined)
    await Promise.race([exited, graceOver])
    finished.abort()
    if (phase !== 'exited') signalGroup(child.pid, 'SIGKILL')
    await exited
  }

  return {
    spec,
    uid: uidOf(child),
    phase: () => phase,
    exit: () => exit,
    lastLines: lastLines.all,
    exited,
    stop,
  }
}

/** Keeps the last lines of a log, each up to a length. */
export function keepLastLines() {
  const lines: string[] = []
  return {
    add(line: string): void {
      lines.push(line.slice(0, KEPT_LINE_CHARS))
      if (lines.length > KEPT_LINES) lines.shift()
    },
    /** Returns the lines, the oldest first. */
    all: (): readonly string[] => [...lines],
  }
}

/** Returns the uid of a child; a random one where it could not be started and has no pid. */
function uidOf({ pid }: PipedChild): string {
  return pid === undefined ? randomUUID() : `${pid}:${readProcessStartTime(pid) ?? ''}`
}

/** Resolves with the exit of a child; the reason of a child that could not be started is its error. */
async function waitForExit(child: PipedChild): Promise<Pick<WorkerExit, 'code' | 'reason'>> {
  try {
    await once(child, 'exit')
    const { exitCode, signalCode } = child
    if (exitCode === null) return { code: -1, reason: signalCode ?? 'Error' }
    return { code: exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' }
  } catch (error) {
    return { code: -1, reason: error instanceof Error ? error.message : 'Error' }
  }
}

/** Sends SIGKILL until the process group is empty, or only holds unreaped zombies after the timeout. */
async function killGroup(pid: number | undefined): Promise<void> {
  const deadline = performance.now() + GROUP_KILL_TIMEOUT_MS
  while (signalGroup(pid, 'SIGKILL') && performance.now() < deadline) await delay(GROUP_KILL_INTERVAL_MS)
}

/** Returns `false` where the process group is empty. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}
