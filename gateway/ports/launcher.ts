/**
 * The port behind which workers run. Two implementations: local processes and Kubernetes Pods; both pass
 * `testing/launcher.conformance.ts`.
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
  /** The container ports that its Pods listen on beside the health port. A Pod that has some knows its own address. */
  readonly ports: readonly WorkerPort[]
  readonly network: WorkerNetwork
  /** Whether an autoscaler may move its Pods to free a node. A drained node's Pods move in any case. */
  readonly isMovable: boolean
}

/** A port of a worker's container, of TCP by default; the name is an IANA service name of at most 15 characters: `rtmp`. */
export type WorkerPort = { readonly name: string; readonly port: number; readonly protocol?: 'UDP' }

/**
 * The port at which other parts of the installation reach a worker in a cluster. NetworkPolicies name it: it is closed to
 * the public, as the health port is.
 */
export const PEER_PORT = 8082

/** The network access that a role's Pods need. They are labelled with it, and NetworkPolicies select on the labels. */
export type WorkerNetwork = {
  /** Clients that may connect to a Pod: none, other parts of the installation at `PEER_PORT`, or any at public ports. */
  readonly ingress: 'none' | 'cluster' | 'public'
  /** Addresses that a Pod may connect to: the gateway and DNS only, or public addresses too. */
  readonly egress: 'gateway' | 'internet'
}

/** Kubernetes quantities: `100m`, `256Mi`. */
export type WorkerResources = {
  readonly requests: { readonly cpu: string; readonly memory: string }
  readonly limits: { readonly cpu: string; readonly memory: string }
}

/** A worker to launch. Two specs with the same `name` are the same worker: launching the second changes nothing. */
export type WorkerSpec = {
  /** Unique among living workers, valid as a Pod's name: `stream-monitor-{monitor_id}`. */
  readonly name: string
  /** The role that `worker/kinds.ts` looks up. */
  readonly kind: string
  /** The assignment that the worker is to claim. */
  readonly assignmentId: string
  /** The worker's whole environment but what every program needs (PATH, HOME, …), which the launcher adds. */
  readonly env: Readonly<Record<string, string>>
  /** Secret variables: a Pod takes each by its name from the cluster's Secret for workers. */
  readonly secrets?: Readonly<Record<string, string>>
  /** How many workers of its kind may share its process, where the launcher can do that; 1 by default. */
  readonly perProcess?: number
}

/** `restarting`: its last run failed, and its launcher will start it again. `exited`: it will not run again. */
export type WorkerPhase = 'starting' | 'running' | 'restarting' | 'stopping' | 'exited'

/** One worker as the launcher sees it. */
export type LaunchedWorker = {
  readonly name: string
  /** Distinguishes this worker from others of the same name. */
  readonly uid: string
  readonly kind: string
  readonly assignmentId: string
  readonly phase: WorkerPhase
  /** How often the launcher has restarted it after a failed run. */
  readonly restarts: number
  /** How its last run ended; `null` during its first run. */
  readonly exit: WorkerExit | null
  /** What keeps it from running, in the launcher's words: `Unschedulable`, `ErrImagePull`; `null`: unknown. */
  readonly trouble: { readonly reason: string; readonly message: string } | null
}

/** How a run of a worker ended. */
export type WorkerExit = {
  /** The exit code; −1 where none is known (ended by a signal, or lost). */
  readonly code: number
  /** `Completed`, `Error`, `OOMKilled`, `Evicted`, or the signal's name. */
  readonly reason: string
  /** Its last log lines, the oldest first. */
  readonly lastLines: readonly string[]
  /** The launcher has used up its own restarts, by the worker's fault. */
  readonly givenUp: boolean
  /** Its process ran other workers too and ended: nothing shows that this one is at fault. */
  readonly wasShared?: true
}

/** `busy`: another worker of this name is still ending; try again soon. */
export type LaunchOutcome = 'launched' | 'busy'

/** A worker's name and, where known, its uid. */
export type WorkerRef = { readonly name: string; readonly uid?: string }

export type Launcher = {
  /**
   * The owner of what this launcher starts. It is stored with an assignment, so that another gateway knows by
   * `mayStillRun` whether the worker may still be alive.
   */
  readonly owner: string
  /** Workers go on when the gateway ends; the next gateway finds them by `list`. */
  readonly outlivesGateway: boolean
  /**
   * Starts a worker. One of that name that already starts or runs counts as the worker.
   * @throws LaunchRefused, or LauncherUnavailable where the outcome is unknown
   */
  launch(spec: WorkerSpec): Promise<LaunchOutcome>
  /**
   * Ends a worker with all its children: SIGTERM, then SIGKILL after `graceMs`. Resolves once the end is certain, which may
   * be before it. A worker that does not exist is success.
   * @throws LauncherUnavailable
   */
  stop(worker: WorkerRef, graceMs: number): Promise<void>
  /**
   * Returns all workers of this launcher; exited ones until `stop` is called for them.
   * @throws LauncherUnavailable
   */
  list(signal: AbortSignal): Promise<readonly LaunchedWorker[]>
  /** Returns a worker's last log lines, the oldest first; an empty list where they cannot be read. */
  lastLines(worker: WorkerRef): Promise<readonly string[]>
  /** Calls `onChange` whenever a worker may have changed, until the signal aborts. A hint: `list` decides. */
  watch(onChange: () => void, signal: AbortSignal): void
  /** Returns whether a worker that was launched under another `owner` may still be alive. */
  mayStillRun(owner: string): boolean
  /** Returns what keeps workers from being launched now, for `/readyz`; `null`: nothing. */
  problem(): Promise<string | null>
  /** Ends gracefully the workers that must not outlive the gateway. */
  close(graceMs: number): Promise<void>
}

/** The launcher refused a launch, and would refuse it again: `Forbidden`, `NameTaken`, `Invalid`. */
export class LaunchRefused extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** The launcher's cluster is unreachable or overloaded: no fault of a worker, so try again. */
export class LauncherUnavailable extends Error {
  /** The pause that it requested, in ms. */
  readonly retryAfterMs: number | null
  constructor(message: string, retryAfterMs: number | null = null, options?: ErrorOptions) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
  }
}
