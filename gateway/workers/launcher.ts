/**
 * The port behind which workers run. Two implementations: local processes and Kubernetes Pods; both pass
 * `adapters/launcher.conformance.ts`.
 */

/** What a kind's workers are to a cluster: how their Pods are labelled, and what each may take. */
export type WorkerRole = {
  /** The kind that `worker/kinds.ts` looks up. */
  readonly kind: string
  /** The label `app` of its Pods: `stream-monitor`. */
  readonly app: string
  /** The label that carries the assignment's id: `monitor-id`. */
  readonly idLabel: string
  /** Where it keeps files while it works, and how much at most: a Kubernetes quantity. */
  readonly workDir: string
  readonly workLimit: string
  readonly resources: WorkerResources
}

/** Kubernetes quantities: `100m`, `256Mi`. */
export type WorkerResources = {
  readonly requests: { readonly cpu: string; readonly memory: string }
  readonly limits: { readonly cpu: string; readonly memory: string }
}

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
  /** What nobody may read in a Pod's spec: there each is taken, by its name, from the cluster's Secret for workers. */
  readonly secrets?: Readonly<Record<string, string>>
}

/** `restarting`: its last run failed, and its launcher will start it again. `exited`: it will not run again. */
export type WorkerPhase = 'starting' | 'running' | 'restarting' | 'stopping' | 'exited'

/** One worker as the launcher sees it. */
export type LaunchedWorker = {
  readonly name: string
  /** Tells this worker from an earlier or later one of the same name. */
  readonly uid: string
  readonly kind: string
  readonly assignmentId: string
  readonly phase: WorkerPhase
  /** How often the launcher has started it again by itself after a failed run. */
  readonly restarts: number
  /** How its last run ended; `null` while it is in its first. */
  readonly exit: WorkerExit | null
  /** What keeps it from running, in the launcher's words: `Unschedulable`, `ErrImagePull`; `null`: nothing known. */
  readonly trouble: { readonly reason: string; readonly message: string } | null
}

/** How a run of a worker ended. */
export type WorkerExit = {
  /** The exit code; −1 where none is known (ended by a signal, or lost). */
  readonly code: number
  /** `Completed`, `Error`, `OOMKilled`, `Evicted`, or the signal's name. */
  readonly reason: string
  /** The last lines that it logged, oldest first. */
  readonly lastLines: readonly string[]
  /** The launcher's own restarts are used up: it has given this worker up, and by the worker's fault. */
  readonly givenUp: boolean
}

/** `busy`: another worker of this name is still on its way out; to be tried again soon. */
export type LaunchOutcome = 'launched' | 'busy'

/** A worker's name and, where known, which of that name is meant. */
export type WorkerRef = { readonly name: string; readonly uid?: string }

export type Launcher = {
  /**
   * Who owns what this launcher starts: stored with an assignment, so that another gateway can tell whether
   * that worker may still live (see `mayStillRun`).
   */
  readonly owner: string
  /** Workers go on when the gateway ends, and whoever comes next finds them by `list`. */
  readonly outlivesGateway: boolean
  /**
   * Starts a worker; one of that name that is already starting or running is taken as it.
   * @throws LaunchRefused, or LauncherUnavailable where it is not known what became of it
   */
  launch(spec: WorkerSpec): Promise<LaunchOutcome>
  /**
   * Ends a worker and all its children, and forgets it: SIGTERM, then SIGKILL after `graceMs`. Resolves once that is
   * certain, which may be before it is gone; a worker that is not there is success.
   * @throws LauncherUnavailable
   */
  stop(worker: WorkerRef, graceMs: number): Promise<void>
  /**
   * All workers that this launcher knows, the exited ones until `stop` is called for them.
   * @throws LauncherUnavailable
   */
  list(signal: AbortSignal): Promise<readonly LaunchedWorker[]>
  /** The last lines that a worker logged, oldest first, as far as they can be had; none is no failure. */
  lastLines(worker: WorkerRef): Promise<readonly string[]>
  /** Calls `onChange` whenever a worker may have changed, until the signal aborts. A hint: `list` decides. */
  watch(onChange: () => void, signal: AbortSignal): void
  /** Whether a worker that was launched under another `owner` may still be alive. */
  mayStillRun(owner: string): boolean
  /** What keeps workers from being launched at the moment, for `/readyz`; `null`: nothing. */
  problem(): Promise<string | null>
  /** Ends what must not outlive the gateway: its workers, gracefully, where they do not. */
  close(graceMs: number): Promise<void>
}

/** The launcher said no, and would say no again: `Forbidden`, `NameTaken`, `Invalid`. */
export class LaunchRefused extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** What runs the workers cannot be reached, or is overloaded: no fault of a worker's, and worth trying again. */
export class LauncherUnavailable extends Error {
  /** How long it asked to be left alone, in ms. */
  readonly retryAfterMs: number | null
  constructor(message: string, retryAfterMs: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
  }
}
