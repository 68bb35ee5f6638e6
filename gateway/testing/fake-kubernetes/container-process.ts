import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

import type { ContainerLog } from './pod-log.ts'

export type ProcessExit = { readonly exitCode: number; readonly reason: string }

/** The program of one run of a container. */
export type ContainerProcess = {
  readonly log: ContainerLog
  /** Resolves once it runs; rejects where it cannot be started. */
  readonly started: Promise<void>
  /** Resolves once it has exited and nothing of its group is left. */
  readonly exited: Promise<ProcessExit>
  terminate(): void
  /** Ends it and all that it started; `as` is what is then said of it. */
  kill(as?: ProcessExit): void
}

const KEPT_LOG_CHARS = 512 * 1024
const OUTPUT_WITHIN_MS = 1000
const SWEPT_WITHIN_MS = 1000
const SWEEP_INTERVAL_MS = 10

/** A Pod ends with its cluster, however that went: its stdin closes, and it takes its group along. */
const ENDS_WITH_CLUSTER =
  'data:text/javascript,process.stdin.on("close",()=>process.kill(-process.pid,"SIGKILL")).on("error",()=>{}).resume().unref()'

/** Runs `node entry` at the head of a process group of its own. */
export function startProcess(entry: string, env: NodeJS.ProcessEnv, cwd: string): ContainerProcess {
  const child = spawn(process.execPath, ['--import', ENDS_WITH_CLUSTER, entry], {
    detached: true,
    env,
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const log = createLog()
  for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', log.write)
  let saidExit: ProcessExit | null = null

  async function untilGone(): Promise<ProcessExit> {
    const outputClosed = once(child, 'close').catch(() => undefined)
    await once(child, 'exit').catch(() => undefined)
    await sweepGroup(child.pid)
    await Promise.race([outputClosed, delay(OUTPUT_WITHIN_MS, undefined, { ref: false })])
    child.stdout.destroy()
    child.stderr.destroy()
    log.end()
    return saidExit ?? exitOf(child.exitCode, child.signalCode)
  }

  return {
    log,
    started: once(child, 'spawn').then(() => undefined),
    exited: untilGone(),
    terminate: () => void child.kill('SIGTERM'),
    kill(as) {
      saidExit ??= as ?? null
      signalGroup(child.pid, 'SIGKILL')
    },
  }
}

/** A program that does not exist: it runs until it is ended, which takes it no time. */
export function pretendProcess(): ContainerProcess {
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
      text = (text + more).slice(-KEPT_LOG_CHARS)
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
