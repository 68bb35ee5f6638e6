import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'

import {
  LauncherUnavailable,
  type LaunchedWorker,
  type Launcher,
  type LaunchOutcome,
  type WorkerRef,
  type WorkerSpec,
} from '../../ports/launcher.ts'
import { getProcessName, mayProcessStillRun } from './process-identity.ts'
import { createSharedProcesses, type SharedChild } from './shared-processes.ts'
import { watchChild, type PipedChild, type WorkerProcess } from './worker-process.ts'

export type LocalProcessOptions = {
  /** Receives each line that a worker writes. */
  readonly writeLine: (line: string) => void
  /** JavaScript file of the worker program, see `bundleWorker`. */
  readonly entry: string
}

/**
 * V8 options for many small processes that idle between segments: a small young generation and no helper threads, which
 * cost more than they save. The worker's kind sets the heap limit.
 */
const NODE_OPTIONS = ['--max-semi-space-size=2', '--single-threaded-gc', '--v8-pool-size=1']

/** Makes glibc return the memory of a segment to the system after its analysis; mallopt(3). */
const MALLOC_ENV = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' }

/**
 * Creates a launcher that runs workers as child processes, each with its descendants in its own process group. A worker's
 * stdin is a pipe that closes when the gateway ends in any way; with GATEWAY_PIPE=1 the worker then exits. Workers whose
 * spec allows it share processes.
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

  const events = { writeLine, onChange: () => void changes.emit('change') }
  const shared = createSharedProcesses({ ...events, spawnChild: (spec) => spawnShared(entry, spec) })

  function startWorker(spec: WorkerSpec): WorkerProcess {
    if (shared.capacityFor(spec) > 1) return shared.start(spec)
    return watchChild(spec, spawnOwn(entry, spec), events)
  }

  async function stop({ name, uid }: WorkerRef, graceMs: number): Promise<void> {
    const worker = workers.get(name)
    if (worker === undefined || worker.uid !== (uid ?? worker.uid)) return
    await worker.stop(graceMs)
    if (workers.get(name) === worker) workers.delete(name)
  }

  return {
    owner: getProcessName(),
    outlivesGateway: false,
    launch,
    stop,
    list: async () => [...workers.values()].map(toLaunchedWorker),
    lastLines: async ({ name }) => workers.get(name)?.lastLines() ?? [],
    watch(onChange, signal) {
      if (signal.aborted) return
      changes.on('change', onChange)
      signal.addEventListener('abort', () => changes.off('change', onChange), { once: true })
    },
    // A worker process ends with its gateway.
    mayStillRun: mayProcessStillRun,
    problem: async () => null,
    async close(graceMs) {
      closed = true
      await Promise.all([...workers.keys()].map((name) => stop({ name }, graceMs)))
      await shared.waitUntilGone()
    },
  }
}

/** Starts the process of one worker. */
function spawnOwn(entry: string, spec: WorkerSpec): PipedChild {
  return spawn(process.execPath, [...NODE_OPTIONS, entry], {
    detached: true,
    env: { ...inheritedEnv(process.env), ...MALLOC_ENV, ...spec.env, ...spec.secrets, GATEWAY_PIPE: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Starts a process for several workers. It knows nothing of them but the options of Node that they have in common. */
function spawnShared(entry: string, { env }: WorkerSpec): SharedChild {
  const { NODE_OPTIONS: options } = env
  const child = spawn(process.execPath, [...NODE_OPTIONS, entry], {
    detached: true,
    env: {
      ...inheritedEnv(process.env),
      ...MALLOC_ENV,
      ...(options === undefined ? {} : { NODE_OPTIONS: options }),
      SHARED_PROCESS: '1',
    },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  })
  if (!isPiped(child)) throw new LauncherUnavailable('a process was started without pipes')
  return child
}

function isPiped(child: ChildProcess): child is SharedChild {
  return child.stdin !== null && child.stdout !== null && child.stderr !== null
}

function toLaunchedWorker(worker: WorkerProcess): LaunchedWorker {
  const { spec, uid, phase, exit } = worker
  const { name, kind, assignmentId } = spec
  return { name, uid, kind, assignmentId, phase: phase(), restarts: 0, exit: exit(), trouble: null }
}

/** Variables that a worker inherits. The rest of the gateway's environment, with its keys, is withheld. */
const INHERITED_VARIABLES = /^(?:PATH|HOME|TMPDIR|LANG|LC_\w+|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)$/

function inheritedEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => INHERITED_VARIABLES.test(name)))
}
