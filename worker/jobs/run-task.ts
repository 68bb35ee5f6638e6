import * as v from 'valibot'

import {
  EndedJobDetails,
  JOB_HEARTBEAT_MS,
  JobReportAccepted,
  TaskSpec,
  type NextTask,
} from '../../shared/contract/jobs.ts'
import type { Log } from '../../shared/log.ts'
import type { ClaimedAssignment, WorkerOutcome } from '../kind.ts'
import type { GatewayCallResult } from '../platform/callback.ts'
import { createFetcher } from '../platform/http.ts'
import { createReportQueue, type ReportQueue } from '../platform/report-queue.ts'
import { isDiskFull } from '../platform/disk-full.ts'
import { openScratchFolder } from '../platform/scratch.ts'
import { removeIntermediateFiles, removeOutput } from './deliver/cleanup.ts'
import type { JobEnvironment } from './environment.ts'
import { composeJobReport } from './report.ts'
import { permanentFailure, transientFailure, type FailedOrAborted, type TaskResult } from './result.ts'
import { executeTask } from './run.ts'
import { afterObservation, INITIAL_SNAPSHOT, isFinal, type TaskSnapshot } from './state.ts'
import type { TaskContext } from './task-context.ts'

/** The worker, as a running task sees it. */
export type TaskHost = {
  readonly environment: JobEnvironment
  /** Returns how many more tasks the worker can run, for a task's report. */
  readonly freeCapacity: (taskId: string, isLastReport: boolean) => number
  /** Starts the tasks that are not running yet. */
  readonly startTasks: (next: readonly NextTask[]) => void
}

/** A task's id, and the path of its endpoints on the gateway. */
type TaskAddress = { readonly id: string; readonly path: string }

const SWEEP_TIMEOUT_MS = 600_000
/** The longest delay that `setTimeout` accepts. */
const MAX_TIMER_MS = 2_147_483_647

/**
 * Runs a task and reports its state to the gateway until the task has ended.
 * A worker that stops drops its task without a final report: another worker takes over, and the attempt does not count.
 */
export async function runTask(
  host: TaskHost,
  task: TaskAddress,
  assignment: ClaimedAssignment,
): Promise<WorkerOutcome> {
  const { claim, lifetime } = assignment
  const { environment } = host
  const spec = v.parse(TaskSpec, claim.order)
  const log = assignment.log.with({ job_id: spec.job_id, task: spec.task })
  const dropped = new AbortController()
  const refused = new AbortController()
  let mayBeReassigned = false
  const reports = openReportQueue(host, task, { ...assignment, log }, dropped.signal)
  const lastReport = reports.done.then((end) => {
    mayBeReassigned = end.kind === 'refused' && end.code !== 'ASSIGNMENT_ENDED'
    // A worker whose reports are refused must not go on working.
    if (end.kind === 'refused') refused.abort()
    return end
  })
  const stopping = AbortSignal.any([lifetime.stopping, refused.signal])
  const { report, phaseDurationsMs } = createStateReporter(spec, reports)
  const result = await executeUntilDeadline({ id: task.id, spec, policy: assignment.policy, stopping }, environment, {
    report,
    flushReports: reports.waitUntilAcknowledged,
    isFirstAttempt: claim.epoch === 1,
    ownsTask: () => !mayBeReassigned,
    log,
  })
  logTaskEnd(log.with({ phases_ms: phaseDurationsMs() }), result)
  if (result.kind === 'aborted') dropped.abort()
  else report(result)
  reports.close()

  const end = await lastReport
  const hasStoredOutput = result.kind === 'done' && result.output !== null
  // A split job has a `tidy` task for this.
  if (hasStoredOutput && spec.task === 'encode' && end.kind === 'closed')
    await removeIntermediateFiles(spec, { environment, log })
  if (hasStoredOutput && end.kind === 'refused' && v.is(EndedJobDetails, end.details))
    await removeOutputOfEndedJob(task, spec, { environment, log })
  return end.kind === 'closed' ? { kind: 'finished' } : end
}

function openReportQueue(
  host: TaskHost,
  task: TaskAddress,
  { claim, claimant, callGateway, lifetime, log }: ClaimedAssignment,
  dropped: AbortSignal,
): ReportQueue<TaskSnapshot> {
  return createReportQueue<TaskSnapshot>({
    epoch: claim.epoch,
    heartbeatIntervalMs: JOB_HEARTBEAT_MS,
    initialSnapshot: INITIAL_SNAPSHOT,
    compose: (number, snapshot) =>
      composeJobReport(number, snapshot, { room: host.freeCapacity(task.id, isFinal(snapshot)), claimant }),
    send: async (body, signal) => {
      const result = await callGateway({ method: 'PUT', path: `${task.path}/status`, body }, signal)
      host.startTasks(parseNextTasks(result))
      return result
    },
    log,
    signal: AbortSignal.any([lifetime.killed, dropped]),
  })
}

/** Parses the tasks that an answer to a report assigns; a gateway of an older version assigns none. */
function parseNextTasks(result: GatewayCallResult): readonly NextTask[] {
  const answer = result.kind === 'accepted' ? v.safeParse(JobReportAccepted, result.body) : null
  return answer?.success ? answer.output.next : []
}

/** Removes the output of a job that ended otherwise meanwhile: no other worker will store to the same place. */
async function removeOutputOfEndedJob(
  { id }: TaskAddress,
  spec: TaskSpec,
  { environment, log }: Pick<TaskContext, 'environment' | 'log'>,
): Promise<void> {
  await using scratch = await openScratchFolder(environment.WORK_DIR, id)
  await removeOutput(spec, { environment, log, dir: scratch.dir })
}

type StateReporter = {
  readonly report: TaskContext['report']
  /** Returns how long each phase took, in ms; to be called when the task has ended. */
  readonly phaseDurationsMs: () => Readonly<Record<string, number>>
}

/** Creates the reporter that holds a task's snapshot, and enqueues a report of each change. */
function createStateReporter({ task }: TaskSpec, reports: ReportQueue<TaskSnapshot>): StateReporter {
  let snapshot = INITIAL_SNAPSHOT
  const phaseStarts = new Map<string, number>()
  return {
    report: (observation) => {
      if (observation.kind === 'phase' && !phaseStarts.has(observation.phase))
        phaseStarts.set(observation.phase, performance.now())
      const before = snapshot
      snapshot = afterObservation(task, before, observation)
      if (snapshot !== before) reports.enqueue(snapshot, isFinal(snapshot) ? 'now' : 'soon')
    },
    phaseDurationsMs: () => {
      const ends = [...[...phaseStarts.values()].slice(1), performance.now()]
      return Object.fromEntries(
        [...phaseStarts].map(([phase, startMs], i) => [phase, Math.round((ends[i] ?? startMs) - startMs)]),
      )
    },
  }
}

type Execution = {
  readonly id: string
  readonly spec: TaskSpec
  readonly policy: ClaimedAssignment['policy']
  /** Aborts when the worker has to drop the task. */
  readonly stopping: AbortSignal
}

/** Executes a task until its deadline, in a scratch folder that is removed afterwards. */
async function executeUntilDeadline(
  { id, spec, policy, stopping }: Execution,
  environment: JobEnvironment,
  context: Omit<TaskContext, 'environment' | 'fetcher' | 'dir' | 'signal'>,
): Promise<TaskResult> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), timeoutMsOf(spec))
  const signal = AbortSignal.any([stopping, timeout.signal])
  try {
    await using scratch = await openScratchFolder(environment.WORK_DIR, id)
    await using fetcher = createFetcher({
      policy,
      proxies: readProxySettings(environment),
    })
    const result = await executeTask(spec, { ...context, environment, fetcher, dir: scratch.dir, signal })
    return result.kind !== 'done' && signal.aborted ? interruptionOf(stopping) : result
  } catch (error) {
    if (signal.aborted) return interruptionOf(stopping)
    if (isDiskFull(error)) return transientFailure('ENOSPC', 'the disk is full')
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Returns how long a task may run. A sweep has a limit of its own: it may follow a job that ran out of time. */
function timeoutMsOf({ task, time_left_ms: timeLeftMs }: TaskSpec): number {
  return task === 'sweep' ? SWEEP_TIMEOUT_MS : Math.min(timeLeftMs, MAX_TIMER_MS)
}

/** Returns the result of an interrupted task: aborted when the worker dropped it, otherwise past its deadline. */
function interruptionOf(stopping: AbortSignal): FailedOrAborted {
  return stopping.aborted ? { kind: 'aborted' } : permanentFailure('JOB_TIMEOUT', 'the job exceeded its time limit')
}

function readProxySettings({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: JobEnvironment) {
  return { http: HTTP_PROXY ?? null, https: HTTPS_PROXY ?? null, bypass: NO_PROXY ?? null }
}

function logTaskEnd(log: Log, result: TaskResult): void {
  if (result.kind !== 'failed') return log.info('task ended', { result: result.kind })
  const { code, message: problem, is_transient } = result.failure
  log.info('task ended', { result: result.kind, code, problem, is_transient })
}
