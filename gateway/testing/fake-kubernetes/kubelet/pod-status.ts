import { randomUUID } from 'node:crypto'

import type { V1Container } from '@kubernetes/client-node'

import {
  omitUndefined,
  formatTime,
  type ContainerStatus,
  type PodCondition,
  type PodSpec,
  type PodStatus,
  type StoredPod,
  type Wire,
} from '../wire.ts'

type Container = Wire<V1Container>

export const NODE_NAME = 'node-1'
const NODE_ADDRESS = '10.0.0.1'
const IMAGE_ID = 'sha256:737afd6f30202cb89d251a060e17b585dcc75b8ebfbc129dcfafb0ddf2f3e806'

/** How a run of a container ended. */
export type ContainerExit = {
  readonly exitCode: number
  readonly reason: string
  readonly message?: string
  readonly startedAt: string
}

/** Why a whole Pod has failed: evicted, or past its deadline. */
export type PodFailure = {
  readonly reason: string
  readonly message: string
  /** The reason of its condition `DisruptionTarget`. */
  readonly disruption?: string
}

/** Facts that a kubelet reports about a Pod. Missing facts keep their last reported value. */
export type PodFacts = {
  readonly containers?: readonly ContainerStatus[]
  readonly hasSandbox?: boolean
  readonly podIP?: string
  readonly failure?: PodFailure | null
}

/** Returns the status of a Pod for which the scheduler has found a node. */
export function scheduledStatus({ status }: StoredPod): PodStatus {
  const condition = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: formatTime() }
  return { ...status, phase: 'Pending', conditions: [condition] }
}

/** Returns the status of a Pod for which the scheduler has found no node. */
export function unschedulableStatus({ status, metadata }: StoredPod): PodStatus {
  const condition = {
    type: 'PodScheduled',
    observedGeneration: metadata.generation,
    status: 'False',
    lastProbeTime: null,
    lastTransitionTime: formatTime(),
    reason: 'Unschedulable',
    message:
      '0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  }
  return { ...status, phase: 'Pending', conditions: [condition] }
}

/** Returns the status that a kubelet reports. The phase and the conditions follow from the containers. */
export function kubeletStatus(pod: StoredPod, facts: PodFacts): PodStatus {
  const { metadata, spec, status } = pod
  const { containers = status.containerStatuses ?? [], podIP = status.podIP, failure = null } = facts
  const situation = situationOf(pod, facts, containers)
  const heldPhase = findHeldPhase(pod, situation)
  return {
    observedGeneration: metadata.generation,
    phase: heldPhase ?? situation.phase,
    conditions: conditionsOf(pod, situation),
    ...(failure === null || heldPhase !== null ? {} : { message: failure.message, reason: failure.reason }),
    hostIP: NODE_ADDRESS,
    hostIPs: [{ ip: NODE_ADDRESS }],
    ...addressOf(podIP),
    startTime: status.startTime ?? formatTime(),
    containerStatuses: containers,
    ...omitUndefined({ qosClass: status.qosClass }),
    ...onlyResources(spec),
  }
}

function situationOf(pod: StoredPod, facts: PodFacts, containers: readonly ContainerStatus[]): Situation {
  const { metadata, spec, status } = pod
  const { failure = null } = facts
  const isTerminating = metadata.deletionTimestamp !== undefined
  const phase = failure === null ? phaseOf(spec, containers, isTerminating) : 'Failed'
  const { hasSandbox = conditionOf(status, 'PodReadyToStartContainers')?.status === 'True' } = facts
  return { containers, phase, hasSandbox: hasSandbox && !(isTerminating && isFinal(phase)), failure }
}

/**
 * Returns the phase that a Pod keeps though it has ended: the old one, until its sandbox is gone, unless it is deleted. Only
 * the conditions show the end at once. The rule is that of the kubelet's `mergePodStatus`.
 */
function findHeldPhase({ status }: StoredPod, { phase, hasSandbox }: Situation): string | null {
  return hasSandbox && isFinal(phase) && !isFinal(status.phase) ? (status.phase ?? 'Running') : null
}

function addressOf(podIP: string | undefined): Pick<PodStatus, 'podIP' | 'podIPs'> {
  return podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }
}

/** Returns the phase of a Pod, as the kubelet's `getPhase` does. */
function phaseOf({ restartPolicy }: PodSpec, containers: readonly ContainerStatus[], isTerminating: boolean): string {
  const isNew = containers.some(({ state, lastState }) => isWaiting(state) && lastState?.terminated === undefined)
  if (isNew || containers.length === 0) return 'Pending'
  if (containers.some(({ state }) => state?.running !== undefined)) return 'Running'
  const hasSucceeded = containers.every(({ state }) => state?.terminated?.exitCode === 0)
  if (isTerminating) return hasSucceeded ? 'Succeeded' : 'Failed'
  if (restartPolicy === 'Always') return 'Running'
  if (hasSucceeded) return 'Succeeded'
  return restartPolicy === 'Never' ? 'Failed' : 'Running'
}

function isFinal(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}

function isWaiting(state: ContainerStatus['state']): boolean {
  return state?.running === undefined && state?.terminated === undefined
}

type Situation = {
  readonly containers: readonly ContainerStatus[]
  readonly phase: string
  readonly hasSandbox: boolean
  readonly failure: PodFailure | null
}

function conditionsOf(pod: StoredPod, { containers, phase, hasSandbox, failure }: Situation): PodCondition[] {
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name)
  const readiness = isFinal(phase) || unready.length > 0 ? unreadiness(phase, unready) : { status: 'True' }
  const wanted = [
    ...disruptionOf(failure),
    { type: 'PodReadyToStartContainers', status: hasSandbox ? 'True' : 'False' },
    { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) },
    { type: 'Ready', ...readiness },
    { type: 'ContainersReady', ...readiness },
    { type: 'PodScheduled', status: 'True' },
  ]
  return wanted.map(({ type, status, ...why }) => {
    const before = conditionOf(pod.status, type)
    const isSame = before?.status === status && before.lastTransitionTime !== undefined
    return {
      type,
      observedGeneration: pod.metadata.generation,
      status,
      lastProbeTime: null,
      lastTransitionTime: isSame ? (before.lastTransitionTime ?? '') : formatTime(),
      ...why,
    }
  })
}

function disruptionOf(failure: PodFailure | null): { type: string; status: string; reason: string; message: string }[] {
  if (failure?.disruption === undefined) return []
  return [{ type: 'DisruptionTarget', status: 'True', reason: failure.disruption, message: failure.message }]
}

function unreadiness(phase: string, unready: readonly string[]): { status: string; reason: string; message?: string } {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const message = `containers with unready status: [${unready.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotReady', message }
}

function conditionOf({ conditions = [] }: PodStatus, type: string): PodCondition | undefined {
  return conditions.find((one) => one.type === type)
}

/** Returns the status of a container that has not run yet, with the reason for which it waits. */
export function waitingContainer(
  container: Container,
  reason = 'ContainerCreating',
  message?: string,
): ContainerStatus {
  return {
    name: container.name,
    state: { waiting: { reason, ...(message === undefined ? {} : { message }) } },
    lastState: {},
    ready: false,
    restartCount: 0,
    image: container.image ?? '',
    imageID: '',
    started: false,
  }
}

/** Returns the status of a container whose program runs. */
export function runningContainer(
  spec: PodSpec,
  container: Container,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const { requests, limits } = container.resources ?? {}
  return {
    name: container.name,
    state: { running: { startedAt: formatTime() } },
    ...afterRun(before),
    ready: container.readinessProbe === undefined,
    image: container.image ?? '',
    imageID: IMAGE_ID,
    containerID: `containerd://${randomHex()}${randomHex()}`,
    started: true,
    ...omitUndefined({ allocatedResources: requests, volumeMounts: mountsOf(container) }),
    resources: omitUndefined({ limits, requests }),
    user: { linux: userOf(spec, container) },
  }
}

/** Returns the fields about the previous run. */
function afterRun(before: ContainerStatus | undefined): Pick<ContainerStatus, 'lastState' | 'restartCount'> {
  const terminated = before?.state?.terminated ?? before?.lastState?.terminated
  if (before === undefined || terminated === undefined) return { lastState: {}, restartCount: 0 }
  return { lastState: { terminated }, restartCount: before.restartCount + 1 }
}

function mountsOf({ volumeMounts }: Container): ContainerStatus['volumeMounts'] {
  return volumeMounts?.map(({ name, mountPath, readOnly }) => ({
    name,
    mountPath,
    ...(readOnly === true ? { readOnly, recursiveReadOnly: 'Disabled' } : {}),
  }))
}

function userOf(
  spec: PodSpec,
  container: Container,
): { uid: number; gid: number; supplementalGroups: readonly number[] } {
  const { runAsUser: uid = 0, runAsGroup: gid = 0 } = { ...spec.securityContext, ...container.securityContext }
  return { uid, gid, supplementalGroups: [gid] }
}

/** Returns the status of a container whose run has ended. */
export function terminatedContainer(before: ContainerStatus, exit: ContainerExit): ContainerStatus {
  const { containerID } = before
  return {
    ...before,
    ready: false,
    started: false,
    state: {
      terminated: {
        exitCode: exit.exitCode,
        reason: exit.reason,
        ...(exit.message === undefined ? {} : { message: exit.message }),
        startedAt: exit.startedAt,
        finishedAt: formatTime(),
        ...(containerID === undefined ? {} : { containerID }),
      },
    },
  }
}

/** Returns the status of a container that waits for its restart. */
export function backedOffContainer(before: ContainerStatus, message: string): ContainerStatus {
  return {
    ...before,
    state: { waiting: { reason: 'CrashLoopBackOff', message } },
    lastState:
      before.state?.terminated === undefined ? (before.lastState ?? {}) : { terminated: before.state.terminated },
  }
}

/** Returns the resources of a Pod with a single container, which are those of the container. */
function onlyResources({ containers }: PodSpec): Pick<PodStatus, 'allocatedResources' | 'resources'> {
  const [only] = containers
  if (only?.resources === undefined || containers.length > 1) return {}
  const { limits, requests } = only.resources
  return { ...omitUndefined({ allocatedResources: requests }), resources: omitUndefined({ limits, requests }) }
}

/** Returns 32 random hexadecimal digits. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '')
}
