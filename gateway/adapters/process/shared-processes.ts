import type { ChildProcess } from 'node:child_process'

import * as v from 'valibot'

import { type SharedProcessCommand, SharedProcessMessage } from '../../../shared/contract/shared-process.ts'
import { withDeadline } from '../../../shared/with-deadline.ts'
import type { WorkerExit, WorkerPhase, WorkerSpec } from '../../ports/launcher.ts'
import {
  keepLastLines,
  watchChild,
  type PipedChild,
  type WorkerProcess,
  type WorkerProcessEvents,
} from './worker-process.ts'

/** A child process of the worker program with an IPC channel. */
export type SharedChild = PipedChild & Pick<ChildProcess, 'send' | 'connected'>

/** Processes that run several workers each. */
export type SharedProcesses = {
  /** Starts a worker in a process that has room for it, or in a new one. */
  start(spec: WorkerSpec): WorkerProcess
  /** Returns how many workers a worker's process may run; 1: it needs a process of its own. */
  capacityFor(spec: WorkerSpec): number
  /** Resolves once the processes whose workers have ended are gone. */
  waitUntilGone(): Promise<void>
}

export type SharedProcessesOptions = WorkerProcessEvents & {
  /** Starts a process that will run workers like this one. */
  readonly spawnChild: (spec: WorkerSpec) => SharedChild
}

/**
 * Creates an empty set. A process that crashes takes its workers with it, and nothing shows which one is at fault. Half as
 * many may share a process with each of them the next time, so that the one at fault is alone after a few crashes.
 */
export function createSharedProcesses({ spawnChild, writeLine, onChange }: SharedProcessesOptions): SharedProcesses {
  const processes = new Set<SharedProcess>()
  /** Capacities after crashes, by assignment. */
  const capacities = new Map<string, number>()

  function capacityFor({ assignmentId, perProcess = 1 }: WorkerSpec): number {
    return Math.min(perProcess, capacities.get(assignmentId) ?? perProcess)
  }

  function open(spec: WorkerSpec, capacity: number): SharedProcess {
    const shared = createSharedProcess({ spec, capacity, child: spawnChild(spec), events: { writeLine, onChange } })
    processes.add(shared)
    void forgetAtExit(shared)
    return shared
  }

  async function forgetAtExit(shared: SharedProcess): Promise<void> {
    const lost = await shared.exited
    processes.delete(shared)
    for (const { assignmentId } of lost) capacities.set(assignmentId, Math.ceil(shared.capacity / 2))
  }

  return {
    capacityFor,
    start(spec) {
      const capacity = capacityFor(spec)
      const fits = (shared: SharedProcess) =>
        shared.kind === spec.kind && shared.capacity === capacity && shared.hasRoom()
      return ([...processes].find(fits) ?? open(spec, capacity)).start(spec)
    },
    async waitUntilGone() {
      await Promise.all([...processes].filter((shared) => !shared.hasWorkers()).map(({ exited }) => exited))
    },
  }
}

type SharedProcess = {
  readonly kind: string
  readonly capacity: number
  hasRoom(): boolean
  hasWorkers(): boolean
  start(spec: WorkerSpec): WorkerProcess
  /** Resolves after its exit with the workers that it took with it, where it ran several. */
  readonly exited: Promise<readonly WorkerSpec[]>
}

/** A worker in a shared process, as this module changes it. */
type SharedWorker = {
  readonly process: WorkerProcess
  recordLine(line: string): void
  end(exit: Omit<WorkerExit, 'lastLines'>, furtherLines?: readonly string[]): void
}

type SharedProcessOptions = {
  /** The first worker, whose kind and environment all of them have. */
  readonly spec: WorkerSpec
  readonly capacity: number
  readonly child: SharedChild
  readonly events: WorkerProcessEvents
}

function createSharedProcess({ spec: first, capacity, child, events }: SharedProcessOptions): SharedProcess {
  const own = watchChild({ ...first, name: `shared-${first.kind}` }, child, events)
  const workers = new Map<string, SharedWorker>()
  let started = 0
  let isClosing = false

  const send = (command: SharedProcessCommand) => {
    // A process that cannot be reached has exited, which ends its workers.
    if (child.connected) child.send(command, () => {})
  }

  function endWorker(name: string, code: number): void {
    const worker = workers.get(name)
    workers.delete(name)
    worker?.end({ code, reason: code === 0 ? 'Completed' : 'Error', givenUp: false })
    if (workers.size > 0) return
    isClosing = true
    void own.stop(0)
  }

  child.on('message', (received) => {
    const message = v.parse(SharedProcessMessage, received)
    if (message.kind === 'line') workers.get(message.name)?.recordLine(message.line)
    else endWorker(message.name, message.code)
  })

  async function loseWorkers(): Promise<readonly WorkerSpec[]> {
    await own.exited
    isClosing = true
    const { code, reason } = own.exit() ?? { code: -1, reason: 'Error' }
    const lost = [...workers.values()]
    workers.clear()
    const isShared = lost.length > 1
    for (const worker of lost) {
      worker.end({ code, reason, givenUp: false, ...(isShared ? { wasShared: true } : {}) }, own.lastLines())
    }
    return isShared ? lost.map(({ process }) => process.spec) : []
  }

  return {
    kind: first.kind,
    capacity,
    hasRoom: () => !isClosing && workers.size < capacity,
    hasWorkers: () => workers.size > 0,
    start(spec) {
      const worker = createSharedWorker(spec, { uid: `${own.uid}:${started++}`, own, send, events })
      workers.set(spec.name, worker)
      send({ kind: 'start', name: spec.name, env: { ...spec.env, ...spec.secrets } })
      return worker.process
    },
    exited: loseWorkers(),
  }
}

type SharedWorkerOptions = {
  readonly uid: string
  /** The process that runs it. */
  readonly own: WorkerProcess
  readonly send: (command: SharedProcessCommand) => void
  readonly events: WorkerProcessEvents
}

/** Time in which a killed worker ends, in ms. Later its whole process is killed. */
const KILL_TIMEOUT_MS = 2000

function createSharedWorker(spec: WorkerSpec, { uid, own, send, events }: SharedWorkerOptions): SharedWorker {
  const { name } = spec
  const lines = keepLastLines()
  let exit: WorkerExit | null = null
  let isStopping = false
  let resolveExited = () => {}
  const exited = new Promise<void>((resolve) => {
    resolveExited = resolve
  })

  function phase(): WorkerPhase {
    if (exit !== null) return 'exited'
    return isStopping ? 'stopping' : own.phase() === 'starting' ? 'starting' : 'running'
  }

  /** Waits for its end; returns whether it has ended. */
  async function endsWithin(ms: number): Promise<boolean> {
    await withDeadline(exited, ms).catch(() => undefined)
    return exit !== null
  }

  async function stop(graceMs: number): Promise<void> {
    if (exit !== null) return
    isStopping = true
    events.onChange()
    send({ kind: 'stop', name })
    if (await endsWithin(graceMs)) return
    send({ kind: 'kill', name })
    if (!(await endsWithin(KILL_TIMEOUT_MS))) await own.stop(0)
    await exited
  }

  return {
    process: { spec, uid, phase, exit: () => exit, lastLines: lines.all, exited, stop },
    recordLine(line) {
      lines.add(line)
      events.writeLine(line)
    },
    end(how, furtherLines = []) {
      for (const line of furtherLines) lines.add(line)
      exit = { ...how, lastLines: lines.all() }
      resolveExited()
      events.onChange()
    },
  }
}
