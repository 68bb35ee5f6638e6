import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

import type { ContainerLog } from '../api/pod-log.ts'

export type ProcessExit = { readonly exitCode: number; readonly reason: string }

/** The program of one run of a container. */
export type ContainerProcess = {
  readonly log: ContainerLog
  /** Resolves once the program runs; rejects if it cannot be started. */
  readonly started: Promise<void>
  /** Resolves once the program has exited and its process group is empty. */
  readonly exited: Promise<ProcessExit>
  terminate(): void
  /** Kills the program and its process group; `as` overrides the reported exit. */
  kill(as?: ProcessExit): void
}

const MAX_LOG_CHARS = 512 * 1024
const OUTPUT_TIMEOUT_MS = 1000
const SWEEP_TIMEOUT_MS = 1000
const SWEEP_INTERVAL_MS = 10

/** A preloaded module that kills the process group when the fake cluster ends, however it does: stdin closes then. */
const EXIT_WITH_PARENT =
  'data:text/javascript,process.stdin.on("close",()=>process.kill(-process.pid,"SIGKILL")).on("error",()=>{}).resume().unref()'

/** Runs `node entry` in a process group of its own. */
export function startProcess(entry: string, env: NodeJS.ProcessEnv, cwd: string): ContainerProcess {
  const child = spawn(process.execPath, ['--import', EXIT_WITH_PARENT, entry], {
    detached: true,
    env,
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const log = createLog()
  for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', log.write)
  let reportedExit: ProcessExit | null = null

  async function waitUntilGone(): Promise<ProcessExit> {
    const outputClosed = once(child, 'close').catch(() => undefined)
    await once(child, 'exit').catch(() => undefined)
    await sweepGroup(child.pid)
    await Promise.race([outputClosed, delay(OUTPUT_TIMEOUT_MS, undefined, { ref: false })])
    child.stdout.destroy()
    child.stderr.destroy()
    log.end()
    return reportedExit ?? exitOf(child.exitCode, child.signalCode)
  }

  return {
    log,
    started: once(child, 'spawn').then(() => undefined),
    exited: waitUntilGone(),
    terminate: () => void child.kill('SIGTERM'),
    kill(as) {
      reportedExit ??= as ?? null
      signalGroup(child.pid, 'SIGKILL')
    },
  }
}

/** Simulates a program without a process: it runs until it is terminated or killed, and then ends at once. */
export function simulateProcess(): ContainerProcess {
  const log = createLog()
  const ended = new EventEmitter<{ exit: [ProcessExit] }>()
  const exited = once(ended, 'exit').then(([exit]) => exit as ProcessExit)
  const end = (exit: ProcessExit) => {
    log.end()
    ended.emit('exit', exit)
  }
  return {
    log,
    started: Promise.resolve(),
    exited,
    terminate: () => end(exitOf(0, null)),
    kill: (as) => end(as ?? exitOf(null, 'SIGKILL')),
  }
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): ProcessExit {
  const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  return { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' }
}

function createLog(): ContainerLog & { write(text: string): void; end(): void } {
  const emitter = new EventEmitter<{ text: [string]; end: [] }>().setMaxListeners(0)
  let text = ''
  let hasEnded = false
  return {
    text: () => text,
    write(more) {
      text = (text + more).slice(-MAX_LOG_CHARS)
      emitter.emit('text', more)
    },
    end() {
      hasEnded = true
      emitter.emit('end')
    },
    follow(onText, onEnd) {
      if (hasEnded) onEnd()
      emitter.on('text', onText)
      emitter.once('end', onEnd)
      return () => {
        emitter.off('text', onText)
        emitter.off('end', onEnd)
      }
    },
  }
}

/** Kills a process group until it is empty, or only zombies without a reaper are left. */
async function sweepGroup(pid: number | undefined): Promise<void> {
  const deadline = performance.now() + SWEEP_TIMEOUT_MS
  while (signalGroup(pid, 'SIGKILL') && performance.now() < deadline) await delay(SWEEP_INTERVAL_MS)
}

/** Sends a signal to a process group. Returns false if the group is empty. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}
