import type { PodStore } from '../pod-store.ts'
import type { ContainerProcess } from './container-process.ts'
import type { ContainerLog } from '../api/pod-log.ts'
import {
  kubeletStatus,
  terminatedContainer,
  waitingContainer,
  type ContainerExit,
  type PodFacts,
  type PodFailure,
} from './pod-status.ts'
import { formatTime, type ContainerStatus, type StoredPod } from '../wire.ts'

/** A Pod on its node: its containers' runs and their reports. */
export type Sandbox = {
  readonly uid: string
  /** Returns the stored Pod; null once it is gone, or replaced by another one of its name. */
  pod(): StoredPod | null
  /** Reports facts to the API server, unless the node is lost. */
  report(facts: PodFacts): void
  /** Reports a change of one container. */
  reportContainer(name: string, change: (before: ContainerStatus) => ContainerStatus): void
  readonly runs: Map<string, ContainerRun>
  /** Aborts once no container may be started any more. */
  readonly stopping: AbortController
  /** Ends all containers: SIGTERM, then SIGKILL after `graceMs`, which a second call can only shorten. */
  stop(graceMs: number, failure: PodFailure | null): Promise<void>
  isLost: boolean
  /** Whether its programs are simulated. */
  isSimulated: boolean
  ignoresSigterm: boolean
}

/** The runs of one container: the current one, and the log of the one before. */
export type ContainerRun = {
  process: ContainerProcess | null
  previousLog: ContainerLog | null
  /** Resolves once the container will not run again. */
  finished: Promise<void>
}

/** Creates the sandbox of a Pod with this IP address. */
export function createSandbox(store: PodStore, { metadata }: StoredPod, address: string): Sandbox {
  const { uid, namespace, name } = metadata
  const runs = new Map<string, ContainerRun>()
  const stopping = new AbortController()
  let failure: PodFailure | null = null
  let killTimer: NodeJS.Timeout | undefined
  let killAtMs = Number.POSITIVE_INFINITY
  let stopped: Promise<void> | null = null

  async function stopContainers(): Promise<void> {
    stopping.abort()
    for (const { process } of runs.values()) if (killAtMs > Date.now() && !sandbox.ignoresSigterm) process?.terminate()
    await Promise.all([...runs.values()].map(({ finished }) => finished))
    clearTimeout(killTimer)
    const statuses = sandbox.pod()?.status.containerStatuses ?? []
    const settled = statuses.map((one) => settleContainer(one))
    const hasChanged = settled.some((one, index) => one !== statuses[index])
    if (hasChanged || failure !== null) sandbox.report({ containers: settled, hasSandbox: false })
  }

  const sandbox: Sandbox = {
    uid,
    pod() {
      const found = store.find(namespace, name)
      return found?.metadata.uid === uid ? found : null
    },
    report(facts) {
      const pod = sandbox.pod()
      if (pod === null || sandbox.isLost) return
      const podIP = hasSandbox(pod) ? { podIP: pod.status.podIP ?? address } : {}
      const status = kubeletStatus(pod, { ...podIP, ...facts, failure })
      if (JSON.stringify(status) !== JSON.stringify(pod.status)) store.replace({ ...pod, status })
    },
    reportContainer(container, change) {
      const { spec, status } = sandbox.pod() ?? {}
      const statuses = status?.containerStatuses ?? spec?.containers.map((one) => waitingContainer(one)) ?? []
      sandbox.report({ containers: statuses.map((one) => (one.name === container ? change(one) : one)) })
    },
    runs,
    stopping,
    async stop(graceMs, reason) {
      failure ??= reason
      // The conditions show a failure of the node's making before its containers have ended.
      if (failure !== null) sandbox.report({})
      if (Date.now() + graceMs < killAtMs) {
        killAtMs = Date.now() + graceMs
        clearTimeout(killTimer)
        killTimer = setTimeout(() => {
          for (const { process } of runs.values()) process?.kill()
        }, graceMs)
      }
      stopped ??= stopContainers()
      await stopped
    },
    isLost: false,
    isSimulated: false,
    ignoresSigterm: false,
  }
  return sandbox
}

/** Returns whether the sandbox has been reported as ready. The IP address is reported only after that. */
function hasSandbox({ status }: StoredPod): boolean {
  return (status.conditions ?? []).some((one) => one.type === 'PodReadyToStartContainers' && one.status === 'True')
}

/** Returns the final status of a container: its last run, or `ContainerStatusUnknown` if it never ran. */
function settleContainer(status: ContainerStatus): ContainerStatus {
  const { state, lastState } = status
  if (state?.terminated !== undefined) return status
  const { terminated: last } = lastState ?? {}
  if (last !== undefined) return { ...status, state: { terminated: last }, lastState: {} }
  const exit: ContainerExit = {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    startedAt: formatTime(),
  }
  return terminatedContainer(status, exit)
}
