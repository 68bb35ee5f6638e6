/**
 * The port behind which workers run. Two implementations: local processes and Kubernetes Pods; both pass
 * `adapters/launcher.conformance.ts`.
 */

/** What to run. Two specs with the same `name` are the same worker: launching the second changes nothing. */
export type WorkerSpec = {
  /** Unique among living workers, valid as a Pod's name: `stream-monitor-{monitor_id}`. */
  readonly name: string
  /** The role that `worker/kinds.ts` looks up. */
  readonly kind: string
  /** The assignment that the worker is to claim. */
  readonly assignmentId: string
  /** The worker's whole environment but what every program needs (PATH, HOME, …), which the launcher adds. */
  readonly env: Readonly<Record<string, string>>
}

export type WorkerPhase = 'starting' | 'running' | 'stopping' | 'exited'

/** One worker as the launcher sees it. */
export type LaunchedWorker = {
  readonly name: string
  readonly kind: string
  readonly assignmentId: string
  readonly phase: WorkerPhase
  /** Set once the phase is `exited`. */
  readonly exit: WorkerExit | null
}

/** How a worker ended. */
export type WorkerExit = {
  /** The exit code; −1 where none is known (ended by a signal, or lost). */
  readonly code: number
  /** `Completed`, `Error`, `OOMKilled`, or the signal's name. */
  readonly reason: string
  /** The last lines that it logged, oldest first. */
  readonly lastLines: readonly string[]
}

export type Launcher = {
  /**
   * Who owns what this launcher starts: stored with an assignment, so that another gateway can tell whether
   * that worker may still live (see `mayStillRun`).
   */
  readonly owner: string
  /** Starts a worker; does nothing where one of that name is already starting or running. */
  launch(spec: WorkerSpec): Promise<void>
  /**
   * Ends a worker and all its children, and forgets it: SIGTERM, then SIGKILL after `graceMs`. Resolves once it is
   * gone; a name that is not there is success.
   */
  stop(name: string, graceMs: number): Promise<void>
  /** All workers that this launcher knows, the exited ones until `stop` is called for them. */
  list(): Promise<readonly LaunchedWorker[]>
  /** Calls `onChange` whenever a worker may have changed, until the signal aborts. A hint: `list` decides. */
  watch(onChange: () => void, signal: AbortSignal): void
  /** Whether a worker that was launched under `owner` and that `list` does not show may still be alive. */
  mayStillRun(owner: string): boolean
  /** Ends every worker of this launcher gracefully and resolves once all are gone. */
  close(graceMs: number): Promise<void>
}
