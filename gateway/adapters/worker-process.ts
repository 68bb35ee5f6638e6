import type { ChildProcessByStdio } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import type { WorkerExit, WorkerPhase, WorkerSpec } from '../workers/launcher.ts'
import { processStartTime } from './process-identity.ts'

/** One worker's process and what became of it. */
export type WorkerProcess = {
  readonly spec: WorkerSpec
  /** Its pid and start time, which no other process of this machine has had. */
  readonly uid: string
  phase(): WorkerPhase
  exit(): WorkerExit | null
  /** What it logged last, oldest first. */
  lastLines(): readonly string[]
  /** Resolves once it has exited and nothing that it started is left. */
  readonly gone: Promise<void>
  /** SIGTERM to the worker, SIGKILL to its whole group after `graceMs`; resolves once it is gone. */
  end(graceMs: number): Promise<void>
}

export type ChildReports = {
  readonly writeLine: (line: string) => void
  /** Called at each change of its phase. */
  readonly onChange: () => void
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

const KEPT_LINES = 20
const KEPT_LINE_CHARS = 2000
/** What V8 prints before it aborts. */
const OUT_OF_MEMORY = /JavaScript heap out of memory/
/** How long output may still come from something that left the worker's group but kept its pipes. */
const OUTPUT_WITHIN_MS = 1000
const SWEPT_WITHIN_MS = 1000
const SWEEP_INTERVAL_MS = 10

/** Follows a child, which must lead a process group of its own. */
export function watchChild(spec: WorkerSpec, child: Child, reports: ChildReports): WorkerProcess {
  let phase: WorkerPhase = 'starting'
  let exit: WorkerExit | null = null
  const lastLines: string[] = []
  let ranOutOfMemory = false

  function enter(next: WorkerPhase): void {
    phase = next
    reports.onChange()
  }

  function takeLine(line: string): void {
    lastLines.push(line.slice(0, KEPT_LINE_CHARS))
    if (lastLines.length > KEPT_LINES) lastLines.shift()
    ranOutOfMemory ||= OUT_OF_MEMORY.test(line)
    reports.writeLine(line)
  }

  async function followToEnd(): Promise<void> {
    const outputClosed = once(child, 'close').catch(() => undefined)
    const ended = await waitForExit(child)
    await sweepGroup(child.pid)
    await Promise.race([outputClosed, delay(OUTPUT_WITHIN_MS, undefined, { ref: false })])
    child.stdout.destroy()
    child.stderr.destroy()
    const reason = ranOutOfMemory && ended.reason === 'SIGABRT' ? 'OOMKilled' : ended.reason
    exit = { code: ended.code, reason, lastLines, givenUp: false }
    enter('exited')
  }

  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', takeLine)
  child.once('spawn', () => {
    if (phase === 'starting') enter('running')
  })
  const gone = followToEnd()

  async function end(graceMs: number): Promise<void> {
    if (phase === 'starting' || phase === 'running') {
      child.kill('SIGTERM')
      enter('stopping')
    }
    const finished = new AbortController()
    const graceOver = delay(graceMs, undefined, { signal: finished.signal }).catch(() => undefined)
    await Promise.race([gone, graceOver])
    finished.abort()
    if (phase !== 'exited') signalGroup(child.pid, 'SIGKILL')
    await gone
  }

  return { spec, uid: uidOf(child), phase: () => phase, exit: () => exit, lastLines: () => [...lastLines], gone, end }
}

/** One that could not be started has no pid. */
function uidOf({ pid }: Child): string {
  return pid === undefined ? randomUUID() : `${pid}:${processStartTime(pid) ?? ''}`
}

/** A child that cannot be started has an error in place of an exit. */
async function waitForExit(child: Child): Promise<Pick<WorkerExit, 'code' | 'reason'>> {
  try {
    await once(child, 'exit')
    const { exitCode, signalCode } = child
    if (exitCode === null) return { code: -1, reason: signalCode ?? 'Error' }
    return { code: exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' }
  } catch (error) {
    return { code: -1, reason: error instanceof Error ? error.message : 'Error' }
  }
}

/** Kills until nothing of the group is left, or only what nobody reaps. */
async function sweepGroup(pid: number | undefined): Promise<void> {
  const deadline = performance.now() + SWEPT_WITHIN_MS
  while (signalGroup(pid, 'SIGKILL') && performance.now() < deadline) await delay(SWEEP_INTERVAL_MS)
}

/** Gives false where nothing of the group is left. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}
