import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'

import type { Cluster, PodEvent } from './cluster.ts'
import { pretendProcess, type ProcessExit } from './container-process.ts'
import { runContainer, runOf, type ImageProblem, type RunPods, type Runtime } from './container-runner.ts'
import { DELETE_NOW, deletePod } from './delete-pod.ts'
import type { ContainerLog, FindLog } from './pod-log.ts'
import { NODE_NAME, scheduledStatus, unschedulableStatus, waitingContainer, type PodFailure } from './pod-status.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'
import type { StoredPod } from './wire.ts'

/**
 * The scheduler and the one node. With `runPods` each Pod becomes processes; without, Pods stay as they are told to
 * be, but go when they are deleted.
 */
export type Kubelet = AsyncDisposable & {
  readonly findLog: FindLog
  /** Ends the present run of a Pod's only container. */
  killContainer(pod: StoredPod, exit: ProcessExit): void
  /** Ends a Pod as failed for a reason of the node's. */
  evict(pod: StoredPod, failure: PodFailure): void
  /** The node is not heard of any more: what runs there goes on, and nothing is said of it. */
  lose(pod: StoredPod): void
  ignoreSigterm(pod: StoredPod): void
  setSchedulable(isSchedulable: boolean): void
  setImageProblem(problem: ImageProblem | null): void
  setSecret(name: string, data: Readonly<Record<string, string>>): void
}

export type KubeletOptions = {
  readonly runPods: RunPods | null
  readonly backoffFactor: number
  readonly folder: string
}

const DEADLINE: PodFailure = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}
/** What a Pod that is deleted with no grace is given nevertheless. */
const LEAST_GRACE_MS = 1000

type Node = {
  readonly cluster: Cluster
  readonly runtime: Runtime
  readonly sandboxes: Map<string, Sandbox>
  isSchedulable: boolean
  addresses: number
}

export function createKubelet(cluster: Cluster, { runPods, backoffFactor, folder }: KubeletOptions): Kubelet {
  const secrets = new Map<string, Readonly<Record<string, string>>>()
  const retries = new EventEmitter<{ retry: [] }>().setMaxListeners(0)
  let imageProblem: ImageProblem | null = null
  const runtime: Runtime = { runPods, backoffFactor, folder, secrets, imageProblem: () => imageProblem, retries }
  const sandboxes = new Map<string, Sandbox>()
  const node: Node = { cluster, runtime, sandboxes, isSchedulable: true, addresses: 9 }
  const unsubscribe = cluster.subscribe((event) => onEvent(node, event))
  return {
    findLog: (pod, container, previous) => findLog(sandboxes.get(pod.metadata.uid), pod, container, previous),
    killContainer(pod, exit) {
      const [container] = pod.spec.containers
      const process = sandboxOf(node, pod).runs.get(container?.name ?? '')?.process ?? null
      if (process === null) throw new Error(`no container of ${pod.metadata.name} runs`)
      process.kill(exit)
    },
    evict: (pod, failure) => void sandboxOf(node, pod).stop(0, failure),
    lose(pod) {
      sandboxOf(node, pod).isLost = true
    },
    ignoreSigterm(pod) {
      sandboxOf(node, pod).ignoresSigterm = true
    },
    setSchedulable(isSchedulable) {
      node.isSchedulable = isSchedulable
      if (!isSchedulable) return
      for (const pod of cluster.list(null)) if (!isOnNode(pod)) void schedule(node, pod)
    },
    setImageProblem(problem) {
      imageProblem = problem
      retries.emit('retry')
    },
    setSecret(name, data) {
      secrets.set(name, data)
      retries.emit('retry')
    },
    async [Symbol.asyncDispose]() {
      unsubscribe()
      const open = [...sandboxes.values()]
      for (const sandbox of open) sandbox.isLost = true
      await Promise.all(open.map((sandbox) => sandbox.stop(0, null)))
    },
  }
}

function isOnNode({ spec }: StoredPod): boolean {
  return (spec.nodeName ?? '') !== ''
}

function onEvent(node: Node, { type, pod, before }: PodEvent): void {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = pod.metadata
  if (type === 'DELETED') void discard(node, pod)
  else if (type === 'MODIFIED' && deletionTimestamp !== undefined) {
    if (grace !== 0 && grace !== before?.metadata.deletionGracePeriodSeconds) void terminate(node, pod)
  } else if (type === 'ADDED' && !isOnNode(pod)) void schedule(node, pod)
}

async function schedule(node: Node, { metadata }: StoredPod): Promise<void> {
  const { cluster, runtime, isSchedulable } = node
  await nextTurn()
  const pod = cluster.find(metadata.namespace, metadata.name)
  if (pod === null || pod.metadata.uid !== metadata.uid) return
  if (!isSchedulable) cluster.replace({ ...pod, status: unschedulableStatus(pod) })
  else if (runtime.runPods !== null) await start(node, pod)
}

async function start(node: Node, pod: StoredPod): Promise<void> {
  const { containers, activeDeadlineSeconds } = pod.spec
  node.cluster.replace({ ...pod, spec: { ...pod.spec, nodeName: NODE_NAME }, status: scheduledStatus(pod) })
  const sandbox = openSandbox(node, pod)
  if (activeDeadlineSeconds !== undefined) followDeadline(sandbox, pod, activeDeadlineSeconds * 1000)
  await nextTurn()
  sandbox.report({ containers: containers.map((one) => waitingContainer(one)), hasSandbox: false })
  await nextTurn()
  sandbox.report({ hasSandbox: true })
  for (const container of containers) {
    runOf(sandbox, container.name).over = runContainer(node.runtime, sandbox, container)
  }
}

function openSandbox(node: Node, pod: StoredPod): Sandbox {
  node.addresses += 1
  const sandbox = createSandbox(node.cluster, pod, `10.88.${(node.addresses >> 8) & 255}.${node.addresses & 255}`)
  node.sandboxes.set(sandbox.uid, sandbox)
  return sandbox
}

function followDeadline(sandbox: Sandbox, { spec }: StoredPod, deadlineMs: number): void {
  const graceMs = (spec.terminationGracePeriodSeconds ?? 30) * 1000
  const timer = setTimeout(() => void sandbox.stop(graceMs, DEADLINE), deadlineMs)
  sandbox.stopping.signal.addEventListener('abort', () => clearTimeout(timer))
}

/** A Pod that was put there as it is gets programs that do not exist. */
function sandboxOf(node: Node, pod: StoredPod): Sandbox {
  const known = node.sandboxes.get(pod.metadata.uid)
  if (known !== undefined) return known
  const sandbox = openSandbox(node, pod)
  sandbox.isPretended = true
  for (const container of pod.spec.containers) {
    const status = pod.status.containerStatuses?.find((one) => one.name === container.name)
    if (status?.state?.running === undefined) continue
    runOf(sandbox, container.name).over = runContainer(node.runtime, sandbox, container, pretendProcess())
  }
  return sandbox
}

async function terminate(node: Node, pod: StoredPod): Promise<void> {
  const sandbox = sandboxOf(node, pod)
  await nextTurn()
  if (sandbox.isLost) return
  sandbox.report({})
  await sandbox.stop((pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000, null)
  const rest = sandbox.pod()
  if (rest !== null) deletePod(node.cluster, rest, DELETE_NOW)
}

async function discard({ sandboxes }: Node, { metadata }: StoredPod): Promise<void> {
  const sandbox = sandboxes.get(metadata.uid)
  if (sandbox === undefined || sandbox.isLost) return
  await sandbox.stop(LEAST_GRACE_MS, null)
  sandboxes.delete(metadata.uid)
}

function findLog(
  sandbox: Sandbox | undefined,
  { status }: StoredPod,
  container: string,
  previous: boolean,
): ContainerLog | null {
  const run = sandbox?.runs.get(container)
  if (run === undefined) return null
  if (!previous) return run.process?.log ?? run.previousLog
  const said = status.containerStatuses?.find((one) => one.name === container)
  return said?.lastState?.terminated === undefined ? null : run.previousLog
}
