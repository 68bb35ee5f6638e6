import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { build } from 'esbuild'

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
const TASK_ID = 'job-019502f0-0000-7000-8000-000000000001'
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

/** The environment of a job's worker, with a local store, and folders of its own below `dir`. */
export function encodeEnv(gatewayUrl: string, dir: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    WORKER_KIND: 'encode',
    WORKER_NAME: 'encode-1',
    WORKER_TOKEN: TOKEN,
    GATEWAY_URL: gatewayUrl,
    JOB_ID: TASK_ID,
    WORK_DIR: join(dir, 'work'),
    STORAGE_DIR: join(dir, 'store'),
    MEDIA_URL: 'http://127.0.0.1:9/media',
    LOG_LEVEL: 'debug',
    ...more,
  }
}

const FLAGS = ['--max-semi-space-size=2', '--max-old-space-size=96', '--optimize-for-size']

/** What runs the worker program: as it stands, or as one file made of it. */
export type WorkerProgram = readonly string[]

/** The program as it stands, compiled anew at each start. */
const AS_IT_STANDS: WorkerProgram = [process.execPath, ...FLAGS, '--import', 'tsx', 'worker/main.ts']

/** Makes one file of the program: worth while for whoever starts more than a few, for each starts in a fifth of the CPU. */
export async function bundledWorker(dir: string): Promise<WorkerProgram> {
  const outfile = join(dir, 'worker.mjs')
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  const target = `node${process.versions.node}`
  const options = { bundle: true, platform: 'node', format: 'esm', target, logLevel: 'silent' } as const
  await build({ ...options, entryPoints: ['worker/main.ts'], outfile, banner })
  return [process.execPath, ...FLAGS, outfile]
}

/** Runs the worker program in a process of its own, with nothing of our environment but what every program needs. */
export function startWorker(env: NodeJS.ProcessEnv, program = AS_IT_STANDS): WorkerProcess {
  const { PATH, HOME, TMPDIR } = process.env
  const [file = '', ...args] = program
  const child = spawn(file, args, { env: { PATH, HOME, TMPDIR, ...env } })
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
