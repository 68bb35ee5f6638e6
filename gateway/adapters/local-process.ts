import { spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'

import {
  LauncherUnavailable,
  type LaunchedWorker,
  type Launcher,
  type LaunchOutcome,
  type WorkerRef,
  type WorkerSpec,
} from '../workers/launcher.ts'
import { ownProcessName, processMayStillRun } from './process-identity.ts'
import { watchChild, type WorkerProcess } from './worker-process.ts'

export type LocalProcessOptions = {
  /** Takes each line that a worker writes. */
  readonly writeLine: (line: string) => void
  /** The program that a worker runs: a JavaScript file, see `bundleWorker`. */
  readonly entry: string
}

/**
 * A machine watches many streams at once, each by a Node process that idles between two segments: little garbage at a
 * time, and no threads besides, which cost more than they give to a process that never hurries. How large its heap may
 * be is its kind's to say.
 */
const NODE_OPTIONS = ['--max-semi-space-size=2', '--single-threaded-gc', '--v8-pool-size=1']

/** Has glibc give the memory of a segment back once it is seen; mallopt(3). */
const MALLOC_ENV = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' }

/**
 * Workers as children of this process, each in a process group of its own with all that it starts. Its stdin is a pipe
 * that closes when the gateway is gone, however it went: a worker with GATEWAY_PIPE=1 ends then.
 */
export function createLocalProcessLauncher({ writeLine, entry }: LocalProcessOptions): Launcher {
  const workers = new Map<string, WorkerProcess>()
  const changes = new EventEmitter<{ change: [] }>().setMaxListeners(0)
  let closed = false

  async function launch(spec: WorkerSpec): Promise<LaunchOutcome> {
    if (closed) throw new LauncherUnavailable(`worker ${spec.name} was launched after the launcher was closed`)
    const phase = workers.get(spec.name)?.phase() ?? 'exited'
    if (phase === 'stopping') return 'busy'
    if (phase === 'exited') workers.set(spec.name, startWorker(spec))
    return 'launched'
  }

  function startWorker(spec: WorkerSpec): WorkerProcess {
    const child = spawn(process.execPath, [...NODE_OPTIONS, entry], {
      detached: true,
      env: { ...inheritedEnv(process.env), ...MALLOC_ENV, ...spec.env, ...spec.secrets, GATEWAY_PIPE: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    return watchChild(spec, child, { writeLine, onChange: () => void changes.emit('change') })
  }

  async function stop({ name, uid }: WorkerRef, graceMs: number): Promise<void> {
    const worker = workers.get(name)
    if (worker === undefined || worker.uid !== (uid ?? worker.uid)) return
    await worker.end(graceMs)
    if (workers.get(name) === worker) workers.delete(name)
  }

  return {
    owner: ownProcessName(),
    outlivesGateway: false,
    launch,
    stop,
    list: async () => [...workers.values()].map(present),
    lastLines: async ({ name }) => workers.get(name)?.lastLines() ?? [],
    watch(onChange, signal) {
      if (signal.aborted) return
      changes.on('change', onChange)
      signal.addEventListener('abort', () => changes.off('change', onChange), { once: true })
    },
    // A worker of this machine ends with its gateway.
    mayStillRun: processMayStillRun,
    problem: async () => null,
    async close(graceMs) {
      closed = true
      await Promise.all([...workers.keys()].map((name) => stop({ name }, graceMs)))
    },
  }
}

function present(worker: WorkerProcess): LaunchedWorker {
  const { spec, uid, phase, exit } = worker
  const { name, kind, assignmentId } = spec
  return { name, uid, kind, assignmentId, phase: phase(), restarts: 0, exit: exit(), trouble: null }
}

/** What every program needs of its surroundings; all else of the gateway's environment is none of a worker's business. */
const INHERITED = /^(?:PATH|HOME|TMPDIR|LANG|LC_\w+|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)$/

function inheritedEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => INHERITED.test(name)))
}
