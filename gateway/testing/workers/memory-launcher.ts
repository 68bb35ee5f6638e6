import type { LaunchedWorker, Launcher, WorkerExit, WorkerSpec } from '../../ports/launcher.ts'

/** A launcher without processes, for tests that make the worker's signed calls themselves. */
export type MemoryLauncher = Launcher & {
  readonly launched: readonly WorkerSpec[]
  readonly stopped: readonly string[]
  /** Makes a worker exit, as if its process had ended. */
  exit(name: string, exit: Omit<WorkerExit, 'givenUp'>): void
  /** Makes the next launches fail. */
  failWith(error: Error | null): void
}

/** Creates a launcher that records launches and stops; `owner` names it in the database. */
export function createMemoryLauncher(owner = 'memory'): MemoryLauncher {
  const workers = new Map<string, LaunchedWorker>()
  const launched: WorkerSpec[] = []
  const stopped: string[] = []
  let changed = () => {}
  let failure: Error | null = null
  return {
    owner,
    outlivesGateway: false,
    launched,
    stopped,
    async launch(spec) {
      if (failure !== null) throw failure
      if (workers.has(spec.name)) return 'launched'
      launched.push(spec)
      const { name, kind, assignmentId } = spec
      const uid = String(launched.length)
      workers.set(name, { name, uid, kind, assignmentId, phase: 'running', restarts: 0, exit: null, trouble: null })
      return 'launched'
    },
    async stop({ name }) {
      stopped.push(name)
      workers.delete(name)
    },
    list: async () => [...workers.values()],
    lastLines: async () => [],
    problem: async () => null,
    watch(onChange) {
      changed = onChange
    },
    mayStillRun: (other) => !other.startsWith('gone'),
    close: async () => workers.clear(),
    exit(name, exit) {
      const worker = workers.get(name)
      if (worker !== undefined) workers.set(name, { ...worker, phase: 'exited', exit: { givenUp: false, ...exit } })
      changed()
    },
    failWith(error) {
      failure = error
    },
  }
}
