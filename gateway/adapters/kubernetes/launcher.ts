import type { Log } from '../../../shared/log.ts'
import {
  LaunchRefused,
  LauncherUnavailable,
  type LaunchedWorker,
  type Launcher,
  type LaunchOutcome,
  type WorkerRef,
  type WorkerRole,
  type WorkerSpec,
} from '../../ports/launcher.ts'
import { createOwnerLookup } from './owner-lookup.ts'
import { isNodeLost } from './pod.ts'
import type { PodClient, PodList, PodSnapshot } from './pod-client.ts'
import { buildPod } from './pod-spec.ts'
import { toLaunchedWorker, splitLastLines } from './launched-worker.ts'
import { WATCH_TIMINGS, watchPods } from './watch-pods.ts'

export type KubernetesLauncherOptions = {
  readonly client: PodClient
  /** The roles of all kinds of workers. */
  readonly roles: readonly WorkerRole[]
  readonly image: string
  /** The Secret from which Pods take the secret variables of their workers. */
  readonly secret: string
  /** The namespace of `client`. */
  readonly namespace: string
  /** The Deployment that owns the Pods, so that they are deleted with it; `null`: no owner. */
  readonly deployment: string | null
  readonly log: Log
}

/** The timeout of `problem`, in ms. */
const PROBLEM_TIMEOUT_MS = 2000
const LAST_LINE_COUNT = 20

/**
 * Creates a launcher that runs each worker as a Pod. The kubelet restarts a failed worker; Pods outlive the gateway, and
 * all gateways of the namespace see the same Pods. On a runtime where I/O belongs to a request, create one per request.
 */
export function createKubernetesLauncher(options: KubernetesLauncherOptions): Launcher {
  const { client, roles, namespace, deployment, image, secret, log } = options
  const selector = buildSelector(roles)
  const roleByApp = new Map(roles.map((role) => [role.app, role]))
  const findOwner = createOwnerLookup(client, deployment, log)
  const logUnreadablePods = createUnreadablePodsLog(log)
  const closing = new AbortController()

  async function launch(spec: WorkerSpec): Promise<LaunchOutcome> {
    const role = roles.find(({ kind }) => kind === spec.kind)
    if (role === undefined) throw new LaunchRefused('UnknownKind', `no role is known for workers of kind ${spec.kind}`)
    const pod = buildPod(spec, role, { namespace, image, secret, owner: await findOwner() })
    for (let attempt = 1; attempt <= 2; attempt++) {
      if ((await client.create(pod)) === 'created') return 'launched'
      const existing = await client.get(spec.name)
      if (existing !== null) return resolveNameConflict(client, existing, spec, role)
    }
    throw new LauncherUnavailable(`Pod ${spec.name} was created and deleted by others meanwhile`)
  }

  return {
    owner: `kubernetes:${namespace}`,
    outlivesGateway: true,
    launch,
    stop: (worker, graceMs) => refusalAsUnavailable(stopWorker(client, worker, graceMs)),
    async list(signal) {
      const found = await refusalAsUnavailable(client.list({ selector, signal }))
      logUnreadablePods(found.unreadable)
      return toLaunchedWorkers(found, roleByApp)
    },
    lastLines: ({ name }) => readLastLines(client, name),
    watch(onChange, signal) {
      const watched = { client, selector, onChange, log, timings: WATCH_TIMINGS }
      void watchPods(watched, anySignal(signal, closing.signal))
    },
    // A Pod lives until it is deleted, whichever gateway launched it.
    mayStillRun: () => true,
    async problem() {
      return client.list({ selector, limit: 1, urgentTimeoutMs: PROBLEM_TIMEOUT_MS }).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
    },
    close: async () => closing.abort(),
  }
}

function buildSelector(roles: readonly WorkerRole[]): string {
  const apps = roles.map(({ app }) => app)
  return apps.length === 1 ? `app=${apps.join('')}` : `app in (${apps.join(',')})`
}

/**
 * Decides about a worker whose name is taken: `launched` by its own Pod, `busy` while an earlier Pod of it goes.
 * @throws LaunchRefused where the Pod belongs to another worker or to none
 */
async function resolveNameConflict(
  client: PodClient,
  { pod, serverTimeMs }: PodSnapshot,
  spec: WorkerSpec,
  role: WorkerRole,
): Promise<LaunchOutcome> {
  const { name, uid, labels } = pod.metadata
  if (labels['app'] !== role.app || labels[role.idLabel] !== spec.assignmentId) {
    throw new LaunchRefused(
      'NameTaken',
      `the name ${name} is taken by a Pod that is not a worker of ${spec.assignmentId}`,
    )
  }
  // As in a list: a kubelet shows `Running` for a second after the last run.
  const phase = toLaunchedWorker(pod, role, serverTimeMs)?.phase
  if (phase !== 'stopping' && phase !== 'exited') return 'launched'
  if (isNodeLost(pod, serverTimeMs)) await client.delete(name, { uid, gracePeriodSec: 0 })
  else if (phase === 'exited') await client.delete(name, { uid, gracePeriodSec: 1 })
  return 'busy'
}

/** Deletes a worker's Pod. Only the Pod of a lost node gets a grace of 0, which drops its record while it may still run. */
async function stopWorker(client: PodClient, { name, uid }: WorkerRef, graceMs: number): Promise<void> {
  if (graceMs > 0) return client.delete(name, { uid, gracePeriodSec: Math.ceil(graceMs / 1000) })
  const found = await client.get(name)
  if (found === null) return
  const { pod, serverTimeMs } = found
  await client.delete(name, {
    uid: uid ?? pod.metadata.uid,
    gracePeriodSec: isNodeLost(pod, serverTimeMs) ? 0 : 1,
  })
}

function toLaunchedWorkers(
  { pods, serverTimeMs }: PodList,
  roleByApp: ReadonlyMap<string, WorkerRole>,
): readonly LaunchedWorker[] {
  return pods.flatMap((pod) => {
    const role = roleByApp.get(pod.metadata.labels['app'] ?? '')
    return (role === undefined ? null : toLaunchedWorker(pod, role, serverTimeMs)) ?? []
  })
}

async function readLastLines(client: PodClient, name: string): Promise<readonly string[]> {
  const text = await client.getLog(name, LAST_LINE_COUNT).catch(() => null)
  return splitLastLines(text ?? '')
}

/** Converts a refusal into LauncherUnavailable: the port lets only `launch` refuse. */
async function refusalAsUnavailable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof LaunchRefused ? new LauncherUnavailable(error.message, null, { cause: error }) : error
  }
}

/** Creates a function that logs the names of unreadable Pods whenever they change. */
function createUnreadablePodsLog(log: Log): (names: readonly string[]) => void {
  let logged = ''
  return (names) => {
    const current = names.join(',')
    if (current !== logged && current !== '') log.warn('unreadable worker Pods left out', { pods: names })
    logged = current
  }
}

/** Returns a signal that aborts with the first of these. */
function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) controller.abort()
    else signal.addEventListener('abort', () => controller.abort(), { once: true })
  }
  return controller.signal
}
