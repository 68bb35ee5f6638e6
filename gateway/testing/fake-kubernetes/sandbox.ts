import type { Cluster } from './cluster.ts'
import type { ContainerProcess } from './container-process.ts'
import type { ContainerLog } from './pod-log.ts'
import {
  kubeletStatus,
  terminatedContainer,
  waitingContainer,
  type ContainerExit,
  type PodFacts,
  type PodFailure,
} from './pod-status.ts'
import { kubernetesTime, type ContainerStatus, type StoredPod } from './wire.ts'

/** What a kubelet has of one Pod. */
export type Sandbox = {
  readonly uid: string
  /** The Pod as it is stored now; null once it is gone, or is another one of that name. */
  pod(): StoredPod | null
  /** Tells the API server; says nothing while the node is lost. */
  report(facts: PodFacts): void
  /** Changes what is said of one container. */
  reportContainer(name: string, change: (before: ContainerStatus) => ContainerStatus): void
  readonly runs: Map<string, ContainerRun>
  /** Aborted once nothing is to be started any more. */
  readonly stopping: AbortController
  /** Ends all that runs: SIGTERM, SIGKILL after `graceMs`, which a second call can only make less. */
  stop(graceMs: number, failure: PodFailure | null): Promise<void>
  isLost: boolean
  /** There is no process behind it. */
  isPretended: boolean
  ignoresSigterm: boolean
}

/** One container: its present run, the log of the one before, and all of them. */
export type ContainerRun = {
  process: ContainerProcess | null
  previousLog: ContainerLog | null
  /** Resolves once it will not run again. */
  over: Promise<void>
}

export function createSandbox(cluster: Cluster, { metadata }: StoredPod, address: string): Sandbox {
  const { uid, namespace, name } = metadata
  const runs = new Map<string, ContainerRun>()
  const stopping = new AbortController()
  let failure: PodFailure | null = null
  let killTimer: NodeJS.Timeout | undefined
  let killAtMs = Number.POSITIVE_INFINITY
  let stopped: Promise<void> | null = null

  async function untilStopped(): Promise<void> {
    stopping.abort()
    for (const { process } of runs.values()) if (killAtMs > Date.now() && !sandbox.ignoresSigterm) process?.terminate()
    await Promise.all([...runs.values()].map(({ over }) => over))
    clearTimeout(killTimer)
    const statuses = sandbox.pod()?.status.containerStatuses ?? []
    const settled = statuses.map((one) => settledContainer(one))
    const isNews = settled.some((one, index) => one !== statuses[index])
    if (isNews || failure !== null) sandbox.report({ containers: settled })
  }

  const sandbox: Sandbox = {
    uid,
    pod() {
      const found = cluster.find(namespace, name)
      return found?.metadata.uid === uid ? found : null
    },
    report(facts) {
      const pod = sandbox.pod()
      if (pod === null || sandbox.isLost) return
      const podIP = hasSandbox(pod) ? { podIP: pod.status.podIP ?? address } : {}
      const status = kubeletStatus(pod, { ...podIP, ...facts, failure })
      if (JSON.stringify(status) !== JSON.stringify(pod.status)) cluster.replace({ ...pod, status })
    },
    reportContainer(container, change) {
      const { spec, status } = sandbox.pod() ?? {}
      const known = status?.containerStatuses ?? spec?.containers.map((one) => waitingContainer(one)) ?? []
      sandbox.report({ containers: known.map((one) => (one.name === container ? change(one) : one)) })
    },
    runs,
    stopping,
    async stop(graceMs, why) {
      failure ??= why
      if (Date.now() + graceMs < killAtMs) {
        killAtMs = Date.now() + graceMs
        clearTimeout(killTimer)
        killTimer = setTimeout(() => {
          for (const { process } of runs.values()) process?.kill()
        }, graceMs)
      }
      stopped ??= untilStopped()
      await stopped
    },
    isLost: false,
    isPretended: false,
    ignoresSigterm: false,
  }
  return sandbox
}

/** Whether it has been told already, which its address is only after. */
function hasSandbox({ status }: StoredPod): boolean {
  return (status.conditions ?? []).some((one) => one.type === 'PodReadyToStartContainers' && one.status === 'True')
}

/** Once a Pod is over no container waits: its last run was its last, or it never came to one. */
function settledContainer(status: ContainerStatus): ContainerStatus {
  const { state, lastState } = status
  if (state?.terminated !== undefined) return status
  const { terminated: last } = lastState ?? {}
  if (last !== undefined) return { ...status, state: { terminated: last }, lastState: {} }
  const exit: ContainerExit = {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    startedAt: kubernetesTime(),
  }
  return terminatedContainer(status, exit)
}
