import type { LaunchedWorker, WorkerExit, WorkerPhase, WorkerRole } from '../../workers/launcher.ts'
import { isFinished, isOverdue, type Condition, type ContainerStatus, type Pod, type Terminated } from './pod.ts'

type Trouble = LaunchedWorker['trouble']

const KEPT_LINES = 20
const KEPT_LINE_CHARS = 2000

/** What a container waits for in the ordinary course of things. */
const ORDINARY_WAITS = new Set(['ContainerCreating', 'PodInitializing', 'CrashLoopBackOff'])

/**
 * A worker by its Pod, at the time `nowMs` of the server's clock; `null` where it carries no assignment's id and so is
 * none of ours.
 */
export function present(pod: Pod, role: WorkerRole, nowMs: number): LaunchedWorker | null {
  const { name, uid, labels } = pod.metadata
  const assignmentId = labels[role.idLabel]
  if (assignmentId === undefined) return null
  const container = containerOf(pod, role)
  const ended = container?.state?.terminated ?? container?.lastState?.terminated
  return {
    name,
    uid,
    kind: role.kind,
    assignmentId,
    phase: phaseOf(pod, container),
    restarts: container?.restartCount ?? 0,
    exit: exitOf(pod, ended),
    trouble: troubleOf(pod, container, nowMs),
  }
}

/** A mesh may have put containers of its own beside ours. */
function containerOf({ status }: Pod, role: WorkerRole): ContainerStatus | undefined {
  return status.containerStatuses.find(({ name }) => name === role.kind) ?? status.containerStatuses[0]
}

function phaseOf(pod: Pod, container: ContainerStatus | undefined): WorkerPhase {
  if (pod.metadata.deletionTimestamp !== undefined) return 'stopping'
  if (isFinished(pod)) return 'exited'
  const { phase = 'Pending' } = pod.status
  return (container && phaseOfContainer(container)) ?? (phase === 'Pending' ? 'starting' : 'running')
}

/** `null`: it has never run. */
function phaseOfContainer({ state, lastState }: ContainerStatus): WorkerPhase | null {
  if (state?.running !== undefined) return 'running'
  // A run that did what it had to is the last one, by restartPolicy OnFailure.
  if (state?.terminated !== undefined) return state.terminated.exitCode === 0 ? 'exited' : 'restarting'
  return lastState?.terminated === undefined ? null : 'restarting'
}

function exitOf(pod: Pod, ended: Terminated | undefined): WorkerExit | null {
  const run = ended === undefined ? null : exitOfRun(ended)
  if (pod.status.phase === 'Failed') return exitOfFailed(pod, run)
  return run === null ? null : { ...run, givenUp: false }
}

type Run = Omit<WorkerExit, 'givenUp'>

/** A Pod that failed was given up, or taken from its node: then it says by whom, and it is no fault of the worker's. */
function exitOfFailed(pod: Pod, run: Run | null): WorkerExit {
  const { reason, message } = pod.status
  const disruption = conditionOf(pod, 'DisruptionTarget', 'True')
  const { code, lastLines, reason: ownReason } = run ?? { code: -1, lastLines: [], reason: 'Error' }
  return {
    code,
    reason: reason ?? disruption?.reason ?? ownReason,
    lastLines: lastLines.length > 0 ? lastLines : linesOf(message ?? disruption?.message),
    givenUp: disruption === undefined && (reason === undefined || reason === 'DeadlineExceeded'),
  }
}

function exitOfRun({ exitCode, reason, message }: Terminated): Run {
  return { code: exitCode, reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'), lastLines: linesOf(message) }
}

/** The last lines of a text, without the empty ones at its end. */
export function linesOf(text: string | undefined): readonly string[] {
  const lines = (text ?? '').trimEnd().split(/\r?\n/)
  return lines.length === 1 && lines[0] === ''
    ? []
    : lines.slice(-KEPT_LINES).map((line) => line.slice(0, KEPT_LINE_CHARS))
}

function troubleOf(pod: Pod, container: ContainerStatus | undefined, nowMs: number): Trouble {
  const { reason, message } = pod.status
  if (isOverdue(pod, nowMs)) return troubleBy({ message: 'past the end of its grace, and still there' }, 'NodeLost')
  if (reason === 'NodeLost') return troubleBy({ reason, message }, reason)
  const unscheduled = conditionOf(pod, 'PodScheduled', 'False')
  if (unscheduled !== undefined) return troubleBy(unscheduled, 'Unschedulable')
  const waiting = container?.state?.waiting
  return waiting?.reason === undefined || ORDINARY_WAITS.has(waiting.reason) ? null : troubleBy(waiting, waiting.reason)
}

type Said = { readonly reason?: string | undefined; readonly message?: string | undefined }

function troubleBy({ reason, message }: Said, otherwise: string): Trouble {
  return { reason: reason ?? otherwise, message: message ?? '' }
}

function conditionOf({ status }: Pod, type: string, value: string): Condition | undefined {
  return status.conditions.find((condition) => condition.type === type && condition.status === value)
}
