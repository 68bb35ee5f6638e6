import * as v from 'valibot'

import { JOB_HEARTBEAT_MS, JobOrder, JobReportAccepted, JobUndone, type NextTask } from '../../shared/contract/jobs.ts'
import type { Log } from '../../shared/log.ts'
import type { Assignment, Outcome } from '../kind.ts'
import type { CallResult } from '../platform/callback.ts'
import { createFetcher } from '../platform/http.ts'
import { createReportQueue, type ReportQueue } from '../platform/report-queue.ts'
import { isDiskFull, openScratch } from '../platform/scratch.ts'
import type { Bench, Done } from './bench.ts'
import type { JobEnvironment } from './environment.ts'
import { fault, mishap, type Unfinished } from './failure.ts'
import { jobReport } from './report.ts'
import { clearParts, removeOutput } from './publish.ts'
import { runOrder } from './run.ts'
import { INITIAL_STATE, isFinal, observe, type JobState } from './state.ts'

/** The worker as its tasks see it. */
export type Host = {
  readonly environment: JobEnvironment
  /** How many tasks more it could take, as a task's report is to say. */
  readonly room: (taskId: string, isLast: boolean) => number
  /** Begins tasks that the gateway has given, if they have not begun. */
  readonly take: (next: readonly NextTask[]) => void
}

const SWEEP_TIMEOUT_MS = 600_000
const LONGEST_TIMER_MS = 2_147_483_647

/**
 * Does a task and reports of it. A worker that is told to stop drops its task and says nothing more of it: another one
 * takes it on, and no attempt is lost.
 */
export async function runTask(
  host: Host,
  task: { readonly id: string; readonly path: string },
  assignment: Assignment,
): Promise<Outcome> {
  const { claim, claimant, callGateway, lifetime } = assignment
  const order = v.parse(JobOrder, claim.order)
  const log = assignment.log.with({ job_id: order.job_id, task: order.task })
  const dropped = new AbortController()
  const refused = new AbortController()
  let mayBeAnothers = false
  const reports = createReportQueue<JobState>({
    epoch: claim.epoch,
    heartbeatIntervalMs: JOB_HEARTBEAT_MS,
    first: INITIAL_STATE,
    compose: (number, state) => jobReport(number, state, { room: host.room(task.id, isFinal(state)), claimant }),
    send: async (body, signal) => {
      const result = await callGateway({ method: 'PUT', path: `${task.path}/status`, body }, signal)
      host.take(nextOf(result))
      return result
    },
    log,
    signal: AbortSignal.any([lifetime.killed, dropped.signal]),
  })
  const ended = reports.done.then((end) => {
    mayBeAnothers = end.kind === 'refused' && end.code !== 'ASSIGNMENT_ENDED'
    // Whoever may not report has no business to work.
    if (end.kind === 'refused') refused.abort()
    return end
  })
  const stopping = AbortSignal.any([lifetime.stopping, refused.signal])
  const { tell, phasesMs } = createTelling(order, reports)
  const isFirstAttempt = claim.epoch === 1
  const desk = { tell, heard: reports.settled, isFirstAttempt, isStillOurs: () => !mayBeAnothers, log }
  const result = await work(host.environment, { id: task.id, order, policy: claim.policy, stopping }, desk)
  logEnd(log.with({ phases_ms: phasesMs() }), result)
  if (result.kind === 'aborted') dropped.abort()
  else desk.tell(result)
  reports.close()
  const end = await ended
  const hasStored = result.kind === 'done' && result.output !== null
  // A job that was split is tidied by a task.
  if (hasStored && order.task === 'encode' && end.kind === 'closed') {
    await clearParts(order, { environment: host.environment, log })
  }
  if (hasStored && end.kind === 'refused' && v.is(JobUndone, end.details))
    await takeBack(order, { id: task.id, environment: host.environment, log })
  return end.kind === 'closed' ? { kind: 'finished' } : end
}

/** What was stored of a job that was ended meanwhile, and that nobody else will store any more. */
async function takeBack(
  order: JobOrder,
  { id, environment, log }: { readonly id: string } & Pick<Bench, 'environment' | 'log'>,
): Promise<void> {
  await using scratch = await openScratch(environment.WORK_DIR, id)
  await removeOutput(order, { environment, log, dir: scratch.dir })
}

/** A gateway of an older version gives none. */
function nextOf(result: CallResult): readonly NextTask[] {
  const answer = result.kind === 'accepted' ? v.safeParse(JobReportAccepted, result.body) : null
  return answer?.success ? answer.output.next : []
}

type Telling = {
  readonly tell: Bench['tell']
  /** How long each phase took, in ms, once the task is over. */
  readonly phasesMs: () => Readonly<Record<string, number>>
}

/** The task's state in this process: what is observed goes through the state machine and into the reports. */
function createTelling(order: JobOrder, reports: ReportQueue<JobState>): Telling {
  let state = INITIAL_STATE
  const begun = new Map<string, number>()
  return {
    tell: (seen) => {
      if (seen.kind === 'phase' && !begun.has(seen.phase)) begun.set(seen.phase, performance.now())
      const before = state
      state = observe(order.task, before, seen)
      if (state !== before) reports.tell(state, isFinal(state) ? 'now' : 'soon')
    },
    phasesMs: () => {
      const ends = [...[...begun.values()].slice(1), performance.now()]
      return Object.fromEntries(
        [...begun].map(([phase, startMs], i) => [phase, Math.round((ends[i] ?? startMs) - startMs)]),
      )
    },
  }
}

type Task = {
  readonly id: string
  readonly order: JobOrder
  readonly policy: Assignment['claim']['policy']
  /** Aborts when the task is to be dropped. */
  readonly stopping: AbortSignal
}

/** Does the task within its time, in a folder that is gone when this is done. */
async function work(
  environment: JobEnvironment,
  { id, order, policy, stopping }: Task,
  desk: Pick<Bench, 'tell' | 'heard' | 'isFirstAttempt' | 'isStillOurs' | 'log'>,
): Promise<Done | Unfinished> {
  const late = new AbortController()
  const deadline = setTimeout(() => late.abort(), timeLeftMs(order))
  const signal = AbortSignal.any([stopping, late.signal])
  try {
    await using scratch = await openScratch(environment.WORK_DIR, id)
    await using fetcher = createFetcher({
      policy: { allowPrivateNetworks: policy.allow_private_networks },
      proxies: proxiesOf(environment),
    })
    const result = await runOrder(order, { ...desk, environment, fetcher, dir: scratch.dir, signal })
    return result.kind !== 'done' && signal.aborted ? interrupted(stopping) : result
  } catch (error) {
    if (signal.aborted) return interrupted(stopping)
    if (isDiskFull(error)) return mishap('ENOSPC', 'the disk is full')
    throw error
  } finally {
    clearTimeout(deadline)
  }
}

/** A job whose time is over may need sweeping for that very reason. */
function timeLeftMs({ task, time_left_ms: ms }: JobOrder): number {
  return task === 'sweep' ? SWEEP_TIMEOUT_MS : Math.min(ms, LONGEST_TIMER_MS)
}

function interrupted(stopping: AbortSignal): Unfinished {
  return stopping.aborted ? { kind: 'aborted' } : fault('JOB_TIMEOUT', 'the job took longer than it may')
}

function proxiesOf({ HTTP_PROXY, HTTPS_PROXY, NO_PROXY }: JobEnvironment) {
  return { http: HTTP_PROXY ?? null, https: HTTPS_PROXY ?? null, except: NO_PROXY ?? null }
}

function logEnd(log: Log, result: Done | Unfinished): void {
  if (result.kind !== 'failed') return log.info('task ended', { result: result.kind })
  const { code, message: problem, is_transient } = result.failure
  log.info('task ended', { result: result.kind, code, problem, is_transient })
}
