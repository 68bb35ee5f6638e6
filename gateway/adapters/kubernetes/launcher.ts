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
} from '../../workers/launcher.ts'
import type { PodAt, PodClient, PodList } from './client.ts'
import { createOwnerLookup } from './owner.ts'
import { isFinished, isOverdue } from './pod.ts'
import { podFor } from './pod-spec.ts'
import { linesOf, present } from './present.ts'
import { WATCH_PACE, watchPods } from './watch.ts'

export type KubernetesLauncherOptions = {
  readonly client: PodClient
  /** Every kind of worker that there is. */
  readonly roles: readonly WorkerRole[]
  readonly image: string
  /** The Secret from which Pods take what nobody may read. */
  readonly secret: string
  /** The one that `client` works in. */
  readonly namespace: string
  /** The Deployment that Pods go with when it is deleted; `null`: they stay. */
  readonly deployment: string | null
  readonly log: Log
}

/** How long `problem` waits for the API server, in ms. */
const PROBLEM_WITHIN_MS = 2000
const LAST_LINES = 20

/**
 * Workers as Pods, one each. The kubelet starts a failed one again; Pods outlive the gateway, and every gateway of the
 * namespace sees the same ones. Runs on any runtime: on one where I/O belongs to a request, one is made for each.
 */
export function createKubernetesLauncher(options: KubernetesLauncherOptions): Launcher {
  const { client, roles, namespace, deployment, image, secret, log } = options
  const selector = selectorOf(roles)
  const roleByApp = new Map(roles.map((role) => [role.app, role]))
  const findOwner = createOwnerLookup(client, deployment, log)
  const tellUnreadable = createUnreadableNotice(log)
  const closing = new AbortController()

  async function launch(spec: WorkerSpec): Promise<LaunchOutcome> {
    const role = roles.find(({ kind }) => kind === spec.kind)
    if (role === undefined) throw new LaunchRefused('UnknownKind', `no role is known for workers of kind ${spec.kind}`)
    const pod = podFor(spec, role, { namespace, image, secret, owner: await findOwner() })
    for (let attempt = 1; attempt <= 2; attempt++) {
      if ((await client.create(pod)) === 'created') return 'launched'
      const namesake = await client.get(spec.name)
      if (namesake !== null) return settleNamesake(client, namesake, spec, role)
    }
    throw new LauncherUnavailable(`Pod ${spec.name} comes and goes`)
  }

  return {
    owner: `kubernetes:${namespace}`,
    outlivesGateway: true,
    launch,
    stop: (worker, graceMs) => withoutRefusal(stop(client, worker, graceMs)),
    async list(signal) {
      const found = await withoutRefusal(client.list({ selector, signal }))
      tellUnreadable(found.unreadable)
      return presentAll(found, roleByApp)
    },
    lastLines: ({ name }) => lastLines(client, name),
    watch(onChange, signal) {
      void watchPods({ client, selector, onChange, log, pace: WATCH_PACE }, firstOf(signal, closing.signal))
    },
    // Whoever launched it: a Pod lives until it is deleted.
    mayStillRun: () => true,
    async problem() {
      return client.list({ selector, limit: 1, urgentWithinMs: PROBLEM_WITHIN_MS }).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
    },
    close: async () => closing.abort(),
  }
}

function selectorOf(roles: readonly WorkerRole[]): string {
  const apps = roles.map(({ app }) => app)
  return apps.length === 1 ? `app=${apps.join('')}` : `app in (${apps.join(',')})`
}

/** The name is taken: by the worker itself, by what is left of an earlier one, or by somebody else's Pod. */
async function settleNamesake(
  client: PodClient,
  { pod, dateMs }: PodAt,
  spec: WorkerSpec,
  role: WorkerRole,
): Promise<LaunchOutcome> {
  const { name, uid, labels, deletionTimestamp } = pod.metadata
  if (labels['app'] !== role.app || labels[role.idLabel] !== spec.assignmentId) {
    throw new LaunchRefused(
      'NameTaken',
      `the name ${name} is taken by a Pod that is not a worker of ${spec.assignmentId}`,
    )
  }
  if (deletionTimestamp === undefined && !isFinished(pod)) return 'launched'
  if (isOverdue(pod, dateMs)) await client.remove(name, { uid, graceSec: 0 })
  else if (deletionTimestamp === undefined) await client.remove(name, { uid, graceSec: 1 })
  return 'busy'
}

/** A grace of 0 forgets even what still runs, so it is kept for Pods whose node is dead. */
async function stop(client: PodClient, { name, uid }: WorkerRef, graceMs: number): Promise<void> {
  if (graceMs > 0) return client.remove(name, { uid, graceSec: Math.ceil(graceMs / 1000) })
  const now = await client.get(name)
  if (now === null) return
  await client.remove(name, { uid: uid ?? now.pod.metadata.uid, graceSec: isOverdue(now.pod, now.dateMs) ? 0 : 1 })
}

function presentAll({ pods, dateMs }: PodList, roleByApp: ReadonlyMap<string, WorkerRole>): readonly LaunchedWorker[] {
  return pods.flatMap((pod) => {
    const role = roleByApp.get(pod.metadata.labels['app'] ?? '')
    return (role === undefined ? null : present(pod, role, dateMs)) ?? []
  })
}

async function lastLines(client: PodClient, name: string): Promise<readonly string[]> {
  const text = await client.log(name, LAST_LINES).catch(() => null)
  return linesOf(text ?? '')
}

/** Only a launch can be refused: to all else a server that says no is one that cannot be used now. */
async function withoutRefusal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof LaunchRefused ? new LauncherUnavailable(error.message, null, { cause: error }) : error
  }
}

/** Tells of Pods that no list can show, once for as long as they are the same. */
function createUnreadableNotice(log: Log): (names: readonly string[]) => void {
  let told = ''
  return (names) => {
    const now = names.join(',')
    if (now !== told && now !== '') log.warn('Pods that cannot be read are left out', { pods: names })
    told = now
  }
}

/** Aborts with whichever aborts first. */
function firstOf(...signals: readonly AbortSignal[]): AbortSignal {
  const own = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) own.abort()
    else signal.addEventListener('abort', () => own.abort(), { once: true })
  }
  return own.signal
}
