import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

import { PATIENCE_MS } from '../../shared/testing/until.ts'

export type GatewayProcessOptions = {
  readonly port: number
  /** Settings of the gateway. Of the test's own environment it inherits `INHERITED_VARIABLES` only. */
  readonly env: Readonly<Record<string, string>>
  /** Receives each line of its log. */
  readonly onLine?: (line: string) => void
  readonly signal: AbortSignal
  /** Arguments of Node that name the program; by default its sources, as users start them. */
  readonly program?: readonly string[]
}

/** A gateway in its own process. Dispose stops it and its workers by SIGTERM, and by SIGKILL after a grace period. */
export type GatewayProcess = AsyncDisposable & {
  readonly origin: string
  readonly pid: number
  /** The last lines of its log, oldest first. */
  readonly lastLines: readonly string[]
  /** Resolves when it has ended. */
  readonly exited: Promise<unknown>
  /** Sends it a signal, as an operator or the kernel would. */
  kill(signal: NodeJS.Signals): void
}

/** Arguments of Node that run the gateway from its sources. */
export const SOURCE_PROGRAM = ['--import', 'tsx', 'gateway/node.ts'] as const

const ROOT = new URL('../..', import.meta.url)
const KEPT_LINES = 10
const READY_POLL_MS = 100
const INHERITED_VARIABLES = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'FFMPEG_PATH',
  'FFPROBE_PATH',
  'YTDLP_PATH',
  'STREAMLINK_PATH',
]

/**
 * Starts a gateway and resolves once `/readyz` answers 200.
 * @throws Error with its last log lines where it ends before
 */
export async function startGatewayProcess({
  port,
  env,
  signal,
  onLine,
  program = SOURCE_PROGRAM,
}: GatewayProcessOptions): Promise<GatewayProcess> {
  const child = spawn(process.execPath, program, {
    cwd: ROOT,
    env: { ...inheritedEnv(), ...env, PORT: String(port), HOST: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group: Ctrl-C in a terminal does not reach it, and dispose stops it in order.
    detached: true,
  })
  const exited = once(child, 'exit')
  const gateway: GatewayProcess = {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    lastLines: keepLastLines(child, onLine),
    exited,
    kill: (signalName) => child.kill(signalName),
    [Symbol.asyncDispose]: () => stopGateway(child, exited),
  }
  try {
    await waitUntilReady(gateway, child, signal)
    return gateway
  } catch (error) {
    await gateway[Symbol.asyncDispose]()
    throw error
  }
}

function inheritedEnv(): Record<string, string> {
  return Object.fromEntries(
    INHERITED_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  )
}

function keepLastLines(child: ChildProcess, onLine?: (line: string) => void): readonly string[] {
  const kept: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      onLine?.(line)
      kept.push(line)
      if (kept.length > KEPT_LINES) kept.shift()
    })
  }
  return kept
}

async function waitUntilReady(gateway: GatewayProcess, child: ChildProcess, signal: AbortSignal): Promise<void> {
  while (!(await isReady(gateway.origin, signal))) {
    if (hasEnded(child)) throw new Error(`the gateway ended before it was ready:\n${gateway.lastLines.join('\n')}`)
    await wait(READY_POLL_MS, undefined, { signal })
  }
}

async function isReady(origin: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/readyz`, { signal })
    await response.arrayBuffer()
    return response.ok
  } catch (error) {
    if (signal.aborted) throw error
    return false
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

async function stopGateway(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return
  child.kill('SIGTERM')
  const force = setTimeout(process.kill, PATIENCE_MS, -child.pid, 'SIGKILL')
  await exited
  clearTimeout(force)
}
