import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { CONFIG } from './story.ts'

export type WorkerExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type WorkerProcess = AsyncDisposable & {
  readonly pid: number
  /** What it logged, line by line. */
  readonly lines: readonly string[]
  readonly exited: Promise<WorkerExit>
  kill(signal: NodeJS.Signals): void
  /** Ends its stdin, as the death of its gateway does. */
  closeStdin(): void
}

const MONITOR_ID = 'mon-019502f0-0000-7000-8000-000000000001'
const TOKEN = 'b'.repeat(64)

/** The environment of a monitor's worker; `CONFIG_JSON` and the rest can be overridden. */
export function monitorEnv(gatewayUrl: string, streamUrl: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    WORKER_KIND: 'monitor',
    WORKER_NAME: `stream-monitor-${MONITOR_ID}`,
    WORKER_TOKEN: TOKEN,
    GATEWAY_URL: gatewayUrl,
    MONITOR_ID,
    STREAM_URL: streamUrl,
    CALLBACK_URL: 'http://127.0.0.1:9/webhook',
    CONFIG_JSON: JSON.stringify(CONFIG),
    METADATA_JSON: '{}',
    LOG_LEVEL: 'debug',
    ...more,
  }
}

/** Runs `worker/main.ts` in a process of its own, with nothing of our environment but what every program needs. */
export function startWorker(env: NodeJS.ProcessEnv): WorkerProcess {
  const { PATH, HOME, TMPDIR } = process.env
  const flags = ['--max-semi-space-size=2', '--max-old-space-size=96', '--optimize-for-size', '--import', 'tsx']
  const child = spawn(process.execPath, [...flags, 'worker/main.ts'], { env: { PATH, HOME, TMPDIR, ...env } })
  const lines: string[] = []
  for (const output of [child.stdout, child.stderr]) createInterface(output).on('line', (line) => lines.push(line))
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  return {
    pid: pidOf(child),
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

function pidOf(child: ChildProcessWithoutNullStreams): number {
  if (child.pid === undefined) throw new Error('node could not be started')
  return child.pid
}
