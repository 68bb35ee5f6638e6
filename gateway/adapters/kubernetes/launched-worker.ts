import type { LaunchedWorker, WorkerExit, WorkerPhase, WorkerRole } from '../../ports/launcher.ts'
import {
  isFinished,
  isNodeLost,
  type ContainerStatus,
  type Pod,
  type PodCondition,
  type TerminatedState,
} from './pod.ts'

type Trouble = LaunchedWorker['trouble']

const MAX_LINES = 20
const MAX_LINE_CHARS = 2000

/** The reasons for which a container waits in the normal course of its life. */
const NORMAL_WAIT_REASONS = new Set(['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff'])

/**
 * Converts a Pod into the worker that it runs, at `nowMs` on the server's clock.
 * Returns `null` where the Pod has no label with an assignment's id, and so is no worker.
 */
export function toLaunchedWorker(pod: Pod, role: WorkerRole, nowMs: number): LaunchedWorker | null {
  const { name, uid, labels } = pod.metadata
  const assignmentId = labels[role.idLabel]
  if (assignmentId === undefined) return null
  const container = findContainer(pod, role)
  const terminated = container?.state?.terminated ?? container?.lastState?.terminated
  return {
    name,
    uid,
    kind: role.kind,
    assignmentId,
    phase: phaseOf(pod, container),
    restarts: container?.restartCount ?? 0,
    exit: exitOf(pod, terminated),
    trouble: troubleOf(pod, container, nowMs),
  }
}

/** Returns the worker's own container: a service mesh may have added others. */
function findContainer({ status }: Pod, role: WorkerRole): ContainerStatus | undefined {
  return status.containerStatuses.find(({ name }) => name === role.kind) ?? status.containerStatuses[0]
}

function phaseOf(pod: Pod, container: ContainerStatus | undefined): WorkerPhase {
  if (pod.metadata.deletionTimestamp !== undefined) return 'stopping'
  if (isFinished(pod)) return 'exited'
  const { phase = 'Pending' } = pod.status
  return (container && phaseOfContainer(container)) ?? (phase === 'Pending' ? 'starting' : 'running')
}

/** Returns the phase of a container that has run, `null` for one that never has. */
function phaseOfContainer({ state, lastState }: ContainerStatus): WorkerPhase | null {
  if (state?.running !== undefined) return 'running'
  // With restartPolicy OnFailure a successful run is the last one.
  if (state?.terminated !== undefined) return state.terminated.exitCode === 0 ? 'exited' : 'restarting'
  return lastState?.terminated === undefined ? null : 'restarting'
}

function exitOf(pod: Pod, terminated: TerminatedState | undefined): WorkerExit | null {
  const run = terminated === undefined ? null : exitOfRun(terminated)
  if (pod.status.phase === 'Failed') return exitOfFailedPod(pod, run)
  return run === null ? null : { ...run, givenUp: false }
}

type RunExit = Omit<WorkerExit, 'givenUp'>

/** Returns the exit of a failed Pod. A reason of the Pod's own (`Evicted`) means that the worker was not at fault. */
function exitOfFailedPod(pod: Pod, run: RunExit | null): WorkerExit {
  const { reason, message } = pod.status
  const disruption = findCondition(pod, 'DisruptionTarget', 'True')
  const { code, lastLines, reason: runReason } = run ?? { code: -1, lastLines: [], reason: 'Error' }
  return {
    code,
    reason: reason ?? disruption?.reason ?? runReason,
    lastLines: lastLines.length > 0 ? lastLines : splitLastLines(message ?? disruption?.message),
    givenUp: disruption === undefined && (reason === undefined || reason === 'DeadlineExceeded'),
  }
}

function exitOfRun({ exitCode, reason, message }: TerminatedState): RunExit {
  return {
    code: exitCode,
    reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
    lastLines: splitLastLines(message),
  }
}

/** Returns the last 20 lines of a text, each cut to 2000 characters, without the empty lines at its end. */
export function splitLastLines(text: string | undefined): readonly string[] {
  const lines = (text ?? '').trimEnd().split(/\r?\n/)
  return lines.length === 1 && lines[0] === ''
    ? []
    : lines.slice(-MAX_LINES).map((line) => line.slice(0, MAX_LINE_CHARS))
}

function troubleOf(pod: Pod, container: ContainerStatus | undefined, nowMs: number): Trouble {
  const { reason, message } = pod.status
  if (isNodeLost(pod, nowMs)) return makeTrouble({ message: 'still there after its grace period' }, 'NodeLost')
  if (reason === 'NodeLost') return makeTrouble({ reason, message }, reason)
  const unscheduled = findCondition(pod, 'PodScheduled', 'False')
  if (unscheduled !== undefined) return makeTrouble(unscheduled, 'Unschedulable')
  const waiting = container?.state?.waiting
  return waiting?.reason === undefined || NORMAL_WAIT_REASONS.has(waiting.reason)
    ? null
    : makeTrouble(waiting, waiting.reason)
}

type StatedReason = { readonly reason?: string | undefined; readonly message?: string | undefined }

function makeTrouble({ reason, message }: StatedReason, defaultReason: string): Trouble {
  return { reason: reason ?? defaultReason, message: message ?? '' }
}

function findCondition({ status }: Pod, type: string, value: string): PodCondition | undefined {
  return status.conditions.find((condition) => condition.type === type && condition.status === value)
}
