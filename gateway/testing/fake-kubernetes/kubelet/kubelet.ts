import { EventEmitter } from 'node:events'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'

import type { PodStore, PodEvent } from '../pod-store.ts'
import { simulateProcess, type ProcessExit } from './container-process.ts'
import {
  runContainer,
  getContainerRun,
  type ImageProblem,
  type PodProgram,
  type ContainerRuntime,
} from './container-runner.ts'
import { DELETE_NOW, deletePod } from '../api/delete-pod.ts'
import type { ClusterNode } from '../api/nodes.ts'
import type { ContainerLog, FindLog } from '../api/pod-log.ts'
import { NODE_NAME, scheduledStatus, unschedulableStatus, waitingContainer, type PodFailure } from './pod-status.ts'
import { createSandbox, type Sandbox } from './sandbox.ts'
import type { StoredPod } from '../wire.ts'

/**
 * The scheduler and the kubelet of the one node. With `runPods` each Pod runs as processes; otherwise Pods keep the status
 * that tests set, and only their deletion is carried out.
 */
export type Kubelet = AsyncDisposable & {
  readonly findLog: FindLog
  /** Kills the current run of a Pod's only container. */
  killContainer(pod: StoredPod, exit: ProcessExit): void
  /** Ends a Pod as failed, for a reason of the node. */
  evict(pod: StoredPod, failure: PodFailure): void
  /** Loses the node of a Pod: its processes run on, and nothing is reported any more. */
  lose(pod: StoredPod): void
  ignoreSigterm(pod: StoredPod): void
  readonly node: ClusterNode
  setSchedulable(isSchedulable: boolean): void
  setImageProblem(problem: ImageProblem | null): void
  setSecret(name: string, data: Readonly<Record<string, string>>): void
}

export type KubeletOptions = {
  readonly runPods: PodProgram | null
  readonly backoffFactor: number
  /** How long the sandbox of an ended Pod stays, in ms. */
  readonly sandboxEndMs: number
  readonly folder: string
}

const DEADLINE_EXCEEDED: PodFailure = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}
/** The grace period of the processes of a Pod that is deleted without one. */
const MIN_GRACE_MS = 1000

type Node = {
  readonly store: PodStore
  readonly runtime: ContainerRuntime
  readonly sandboxes: Map<string, Sandbox>
  readonly sandboxEndMs: number
  isSchedulable: boolean
  addresses: number
}

/** Creates the scheduler and the kubelet of a store's Pods. */
export function createKubelet(store: PodStore, options: KubeletOptions): Kubelet {
  const { runPods, backoffFactor, sandboxEndMs, folder } = options
  const secrets = new Map<string, Readonly<Record<string, string>>>()
  const retries = new EventEmitter<{ retry: [] }>().setMaxListeners(0)
  let imageProblem: ImageProblem | null = null
  const runtime: ContainerRuntime = {
    runPods,
    backoffFactor,
    folder,
    secrets,
    imageProblem: () => imageProblem,
    retries,
  }
  const sandboxes = new Map<string, Sandbox>()
  const node: Node = { store, runtime, sandboxes, sandboxEndMs, isSchedulable: true, addresses: 9 }
  const unsubscribe = store.subscribe((event) => handleEvent(node, event))
  return {
    findLog: (pod, container, previous) => findLog(sandboxes.get(pod.metadata.uid), pod, container, previous),
    killContainer(pod, exit) {
      const [container] = pod.spec.containers
      const process = getSandbox(node, pod).runs.get(container?.name ?? '')?.process ?? null
      if (process === null) throw new Error(`no container of ${pod.metadata.name} runs`)
      process.kill(exit)
    },
    evict: (pod, failure) => void getSandbox(node, pod).stop(0, failure),
    lose(pod) {
      getSandbox(node, pod).isLost = true
    },
    ignoreSigterm(pod) {
      getSandbox(node, pod).ignoresSigterm = true
    },
    node: {
      name: NODE_NAME,
      isCordoned: () => !node.isSchedulable,
      setCordoned: (isCordoned) => setSchedulable(node, !isCordoned),
    },
    setSchedulable: (isSchedulable) => setSchedulable(node, isSchedulable),
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

function setSchedulable(node: Node, isSchedulable: boolean): void {
  node.isSchedulable = isSchedulable
  if (!isSchedulable) return
  for (const pod of node.store.list(null)) if (!isOnNode(pod)) void schedulePod(node, pod)
}

function isOnNode({ spec }: StoredPod): boolean {
  return (spec.nodeName ?? '') !== ''
}

function handleEvent(node: Node, { type, pod, before }: PodEvent): void {
  const { deletionTimestamp, deletionGracePeriodSeconds: grace } = pod.metadata
  if (type === 'DELETED') void discardSandbox(node, pod)
  else if (type === 'MODIFIED' && deletionTimestamp !== undefined) {
    if (grace !== 0 && grace !== before?.metadata.deletionGracePeriodSeconds) void terminatePod(node, pod)
  } else if (type === 'ADDED' && !isOnNode(pod)) void schedulePod(node, pod)
}

async function schedulePod(node: Node, { metadata }: StoredPod): Promise<void> {
  const { store, runtime, isSchedulable } = node
  await nextTurn()
  const pod = store.find(metadata.namespace, metadata.name)
  if (pod === null || pod.metadata.uid !== metadata.uid) return
  if (!isSchedulable) store.replace({ ...pod, status: unschedulableStatus(pod) })
  else if (runtime.runPods !== null) await startPod(node, pod)
}

async function startPod(node: Node, pod: StoredPod): Promise<void> {
  const { containers, activeDeadlineSeconds } = pod.spec
  node.store.replace({ ...pod, spec: { ...pod.spec, nodeName: NODE_NAME }, status: scheduledStatus(pod) })
  const sandbox = openSandbox(node, pod)
  if (activeDeadlineSeconds !== undefined) startDeadline(sandbox, pod, activeDeadlineSeconds * 1000)
  await nextTurn()
  sandbox.report({ containers: containers.map((one) => waitingContainer(one)), hasSandbox: false })
  await nextTurn()
  sandbox.report({ hasSandbox: true })
  for (const container of containers) {
    getContainerRun(sandbox, container.name).finished = runContainer(node.runtime, sandbox, container)
  }
  void endSandbox(node, sandbox)
}

/** Ends the sandbox of a Pod whose containers have ended for good: only then does the Pod reach its final phase. */
async function endSandbox({ sandboxEndMs }: Node, sandbox: Sandbox): Promise<void> {
  const { signal } = sandbox.stopping
  await Promise.all([...sandbox.runs.values()].map(({ finished }) => finished))
  await delay(sandboxEndMs, undefined, { signal, ref: false }).catch(() => undefined)
  if (!signal.aborted) sandbox.report({ hasSandbox: false })
}

/** Opens the sandbox of a Pod, with an address of the loopback network: its programs can bind it. */
function openSandbox(node: Node, pod: StoredPod): Sandbox {
  node.addresses += 1
  const sandbox = createSandbox(node.store, pod, `127.88.${(node.addresses >> 8) & 255}.${node.addresses & 255}`)
  node.sandboxes.set(sandbox.uid, sandbox)
  return sandbox
}

function startDeadline(sandbox: Sandbox, { spec }: StoredPod, deadlineMs: number): void {
  const graceMs = (spec.terminationGracePeriodSeconds ?? 30) * 1000
  const timer = setTimeout(() => void sandbox.stop(graceMs, DEADLINE_EXCEEDED), deadlineMs)
  sandbox.stopping.signal.addEventListener('abort', () => clearTimeout(timer))
}

/** Returns the sandbox of a Pod; one that was inserted as running gets simulated programs. */
function getSandbox(node: Node, pod: StoredPod): Sandbox {
  const existing = node.sandboxes.get(pod.metadata.uid)
  if (existing !== undefined) return existing
  const sandbox = openSandbox(node, pod)
  sandbox.isSimulated = true
  for (const container of pod.spec.containers) {
    const status = pod.status.containerStatuses?.find((one) => one.name === container.name)
    if (status?.state?.running === undefined) continue
    getContainerRun(sandbox, container.name).finished = runContainer(
      node.runtime,
      sandbox,
      container,
      simulateProcess(),
    )
  }
  if (sandbox.runs.size > 0) void endSandbox(node, sandbox)
  return sandbox
}

async function terminatePod(node: Node, pod: StoredPod): Promise<void> {
  const sandbox = getSandbox(node, pod)
  await nextTurn()
  if (sandbox.isLost) return
  sandbox.report({})
  await sandbox.stop((pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000, null)
  const remaining = sandbox.pod()
  if (remaining !== null) deletePod(node.store, remaining, DELETE_NOW)
}

async function discardSandbox({ sandboxes }: Node, { metadata }: StoredPod): Promise<void> {
  const sandbox = sandboxes.get(metadata.uid)
  if (sandbox === undefined || sandbox.isLost) return
  await sandbox.stop(MIN_GRACE_MS, null)
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
  const containerStatus = status.containerStatuses?.find((one) => one.name === container)
  return containerStatus?.lastState?.terminated === undefined ? null : run.previousLog
}
