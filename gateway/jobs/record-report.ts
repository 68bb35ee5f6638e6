import type { ChunkPlan, JobReport, JobReportAccepted } from '../../shared/contract/jobs.ts'
import { newTaskId } from '../../shared/ids.ts'
import type { Context, DbOrTx, Tx } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { afterLoss } from '../workers/attempts.ts'
import { refusalOf } from '../workers/claim-assignment.ts'
import { endAssignment, findAssignment, muteWorker, scheduleRelaunch, type Assignment } from '../workers/store.ts'
import { countCall, type CountedCall } from './calls/store.ts'
import { completeByReports } from './completed/store.ts'
import { mayComplete, type Completions } from './completions.ts'
import { endTask, endTasksOf, failJob } from './end-job.ts'
import { hostNext, presentNext, unheardOf, type WorkersReport } from './host-next.ts'
import { JOB_ATTEMPTS } from './pod.ts'
import { jobProgress } from './progress.ts'
import { nextStatus } from './status.ts'
import { changeJob, findJob, type Job, type JobChange } from './store.ts'
import { outputKeyOf } from './store-keys.ts'
import { sweepAgain, sweepOf } from './sweeps.ts'
import {
  findTask,
  insertTasks,
  readPieces,
  updateTask,
  type PieceProgress,
  type Task,
  type Work,
} from './tasks/store.ts'
import { tell, tellReceiver } from './tell.ts'

/** What a report came to. */
type Recorded = {
  readonly job: Pick<Job, 'id' | 'status' | 'plan' | 'callbackUrl'>
  /** The job has ended: by this report, or before it came. */
  readonly jobEnded: boolean
  readonly refused: boolean
}

/**
 * Takes what a worker reports of its task: progress, what it found out, and its end, with all that follows from it, in
 * one transaction. A report of an older epoch is refused, one that was counted before changes nothing.
 * @throws BrokenRule STALE_EPOCH, ASSIGNMENT_ENDED, NOT_FOUND, INVALID_CONFIG
 */
export async function recordReport(
  context: Context,
  completions: Completions,
  taskId: string,
  report: WorkersReport,
): Promise<JobReportAccepted> {
  const recorded = await recordOnce(context, completions, taskId, report)
  if (recorded === null) return answerUncounted(context, taskId, report)
  context.metrics.count('tallylight_worker_reports_total', { outcome: recorded.refused ? 'refused' : 'counted' })
  await follow(context, report, recorded)
  if (recorded.refused) throw jobOver(recorded.job)
  return { duplicate: false, next: await presentNext(context, recorded.next, report) }
}

/** What else comes of a report, once it is committed. */
async function follow(
  context: Context,
  report: JobReport,
  { job, jobEnded, refused, next }: Recorded & { readonly next: readonly Work[] },
): Promise<void> {
  for (const id of new Set([job.id, ...next.map((work) => work.job.id)])) context.feed.ring(id)
  const isSplit = job.plan !== null || report.plan !== null
  // A job that was never split has had this one task.
  if (jobEnded && (refused || isSplit)) await endTasksOf(context, job.id)
  // Its worker has taken what waits next, but there may be somebody to tell, or more pieces than it takes.
  if (isOver(report) && (next.length === 0 || job.callbackUrl !== null || isSplit)) context.wake()
}

function isOver({ state }: JobReport): boolean {
  return state === 'done' || state === 'failed'
}

/** `null`: it did not count. */
async function recordOnce(context: Context, completions: Completions, taskId: string, report: WorkersReport) {
  const room = Math.min(report.room, context.settings.jobs.maxConcurrent)
  const completed = mayComplete(report) ? await completions({ taskId, report, room }) : null
  if (completed === null) return context.transact((tx) => recordAndHost(tx, context, taskId, report))
  // It had no pieces, and nobody to be told.
  const job = { id: completed.jobId, status: 'completed', plan: null, callbackUrl: null } as const
  return { ...completed, job, jobEnded: true, refused: false }
}

/** A report that comes again may have been counted when its answer was lost, and with it what it gave. */
async function answerUncounted(context: Context, taskId: string, report: WorkersReport): Promise<JobReportAccepted> {
  const assignment = await findAssignment(context.db, taskId)
  const own = assignment?.epoch === report.epoch ? assignment : null
  const next = own !== null && report.room > 0 ? await unheardOf(context, report.worker) : []
  const isHeard = next.length > 0 || (own !== null && (await hasDoneItsTask(context, own, report)))
  const refusal = isHeard ? null : await refusalOfTask(context, taskId, report.epoch)
  context.metrics.count('tallylight_worker_reports_total', { outcome: refusal === null ? 'duplicate' : 'refused' })
  if (refusal !== null) throw refusal
  return { duplicate: true, next }
}

async function refusalOfTask(context: Context, taskId: string, epoch: number): Promise<BrokenRule | null> {
  const refusal = await refusalOf(context, taskId, epoch)
  const job = refusal?.code === 'ASSIGNMENT_ENDED' ? await findJobOf(context.db, taskId) : null
  return job === null ? refusal : jobOver(job)
}

/** Its worker is told how the job has ended: of one that is not completed it takes back what it has stored. */
function jobOver({ status }: Pick<Job, 'status'>): BrokenRule {
  return new BrokenRule('ASSIGNMENT_ENDED', 'this job is over; the worker must stop', {
    details: { job_status: status },
  })
}

async function findJobOf(db: DbOrTx, taskId: string): Promise<Job | null> {
  const task = await findTask(db, taskId)
  return task === null ? null : findJob(db, task.jobId)
}

/** Whether the assignment's last call was this one, and its task is done: no word of a job that failed or was canceled. */
async function hasDoneItsTask({ db }: Context, assignment: Assignment, { state, seq }: JobReport): Promise<boolean> {
  if (state !== 'done' || assignment.seq !== seq) return false
  const job = await findJobOf(db, assignment.id)
  return job !== null && (job.endedAt === null || job.status === 'completed')
}

async function recordAndHost(tx: Tx, { settings }: Context, taskId: string, report: WorkersReport) {
  const counted = (await completeAndFollow(tx, taskId, report)) ?? (await count(tx, taskId, report))
  if (counted === null) return null
  const { assignment, ...recorded } = counted
  if (recorded.refused) return { ...recorded, next: [] }
  const { works, started } = await hostNext(tx, settings, assignment, report)
  await tell(tx, started)
  return { ...recorded, next: works }
}

/** The same for a job of which more follows: somebody is told by a webhook, or the pieces that it was split into go. */
async function completeAndFollow(tx: Tx, taskId: string, report: WorkersReport) {
  if (!mayComplete(report)) return null
  const [completed] = await completeByReports(tx, [{ taskId, report, room: 0 }], { withRest: true })
  if (!completed) return null
  const job = await findJob(tx, completed.jobId)
  const assignment = await findAssignment(tx, taskId)
  if (job === null || assignment === null) throw new Error(`job ${completed.jobId} was completed and is not there`)
  await tellReceiver(tx, job)
  // A task of its own, which no worker's death can lose: the one that reports takes it next.
  if (job.plan !== null) await insertTasks(tx, [sweepOf(job, 0)])
  return { job, jobEnded: true, refused: false, assignment }
}

async function count(tx: Tx, taskId: string, report: JobReport) {
  const call = await countCall(tx, { id: taskId, epoch: report.epoch, seq: report.seq })
  return call === null ? null : { ...(await record(tx, call, report)), assignment: call.assignment }
}

async function record(tx: Tx, { assignment, task, job }: CountedCall, report: JobReport): Promise<Recorded> {
  const recorded = { job, jobEnded: job.endedAt !== null, refused: false }
  if (task.task === 'sweep') return { ...recorded, jobEnded: await recordSweep(tx, { task, job }, report) }
  if (job.endedAt !== null) return { ...recorded, refused: true }
  switch (report.state) {
    case 'processing':
    case 'uploading':
      await recordProgress(tx, job, task, report)
      return recorded
    case 'done':
      if (task.task !== 'chunk' && (task.task !== 'encode' || report.plan === null))
        throw new BrokenRule('INVALID_CONFIG', 'output is required where a job is done')
      await recordPartDone(tx, job, task, report)
      return recorded
    case 'failed':
      return { ...recorded, jobEnded: await recordFailure(tx, job, assignment, report) }
  }
}

/** What a report says of the whole job; `pieces`: all of them, where it is of one. */
function changeOf(job: Job, task: Task, report: JobReport, pieces: PieceProgress | null): JobChange {
  return {
    progress: Math.max(job.progress, jobProgress(task.task, report, pieces)),
    message: pieces === null ? report.message : `encoding in ${pieces.pieces} pieces, ${pieces.open} to go`,
    fps: pieces === null ? report.fps : pieces.fps,
    speed: pieces === null ? report.speed : pieces.speed,
    etaSec: pieces === null ? report.eta_sec : null,
    mediaInfo: report.media_info ?? job.mediaInfo,
    validation: report.validation ?? job.validation,
    hasStored: job.hasStored || report.has_stored,
  }
}

function readPiecesOf(tx: Tx, job: Job, task: Task): Promise<PieceProgress> | null {
  return task.task === 'chunk' ? readPieces(tx, job.id) : null
}

async function recordProgress(tx: Tx, job: Job, task: Task, report: JobReport): Promise<void> {
  const state = report.state === 'uploading' && task.task !== 'chunk' ? 'uploading' : 'processing'
  const { progress, fps, speed } = report
  await updateTask(tx, task.id, { progress, fps, speed })
  const status = nextStatus(job.status, { kind: 'reported', state })
  const pieces = await readPiecesOf(tx, job, task)
  await change(tx, job, { ...changeOf(job, task, report, pieces), status })
}

/** A heartbeat that says nothing new is no update. */
async function change(tx: Tx, job: Job, to: JobChange): Promise<void> {
  if (Object.entries(to).every(([name, value]) => isSame(value, new Map(Object.entries(job)).get(name)))) return
  const changed = await changeJob(tx, job.id, to)
  if (changed !== null) await tell(tx, [changed])
}

/** As the database has them: numbers to seven digits, all else as JSON. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.fround(a) === Math.fround(b)
  return JSON.stringify(a) === JSON.stringify(b)
}

const ENDED = { status: 'ended', progress: 100, fps: null, speed: null } as const

/** What a job was split into, or a piece of it, is done. */
async function recordPartDone(tx: Tx, job: Job, task: Task, report: JobReport): Promise<void> {
  await Promise.all([updateTask(tx, task.id, ENDED), endAssignment(tx, task.id)])
  const pieces = await readPiecesOf(tx, job, task)
  const told = changeOf(job, task, report, pieces)
  if (report.plan !== null && task.task === 'encode') {
    await change(tx, job, { ...told, plan: report.plan, message: `split into ${report.plan.chunks.length} pieces` })
    await insertTasks(tx, piecesOf(job, report.plan))
    return
  }
  await change(tx, job, told)
  if (pieces?.open === 0) await insertTasks(tx, [taskOf(job, 'join')])
}

function piecesOf(job: Job, plan: ChunkPlan) {
  // Of one age, so that the first is the first to be taken.
  const task = taskOf(job, 'chunk')
  return plan.chunks.map((chunk) => ({ ...task, id: newTaskId(), chunk, position: chunk.index }))
}

function taskOf<T extends 'chunk' | 'join'>(job: Job, task: T) {
  const { priority } = job
  // As old as its job: what has begun goes before what came later.
  const dueInSec = Math.min(0, (job.createdAt.getTime() - Date.now()) / 1000)
  return { id: newTaskId(), jobId: job.id, task, priority, outputKey: outputKeyOf(job), dueInSec }
}

/** What may go better is tried again, as often as attempts are left. True where that was the job's end. */
async function recordFailure(tx: Tx, job: Job, assignment: Assignment, report: JobReport): Promise<boolean> {
  const failure = report.failure ?? { code: 'ENCODE_FAILED', message: report.message, is_transient: false }
  const next = failure.is_transient ? afterLoss(assignment.attempts, JOB_ATTEMPTS) : ({ kind: 'give_up' } as const)
  const { media_info: mediaInfo, validation, has_stored } = report
  const told = { mediaInfo: mediaInfo ?? job.mediaInfo, validation, hasStored: job.hasStored || has_stored }
  if (next.kind === 'relaunch') {
    const message = `attempt ${assignment.attempts} failed, trying again: ${failure.message}`.slice(0, 300)
    const status = nextStatus(job.status, { kind: 'attempt_lost' })
    await scheduleRelaunch(tx, assignment, { afterMs: next.afterMs, attempts: assignment.attempts })
    await muteWorker(tx, assignment.id)
    await change(tx, job, { ...told, status, message, fps: null, speed: null, etaSec: null })
    return false
  }
  await endTask(tx, assignment.id)
  await change(tx, job, told)
  await failJob(tx, job.id, failure)
  return true
}

/** Its job has ended long since. What cannot be removed now is tried again later. True where this try is over. */
async function recordSweep(
  tx: Tx,
  { task, job }: Pick<CountedCall, 'task' | 'job'>,
  { state }: JobReport,
): Promise<boolean> {
  if (state !== 'done' && state !== 'failed') return false
  await endTask(tx, task.id)
  if (state === 'failed') await sweepAgain(tx, job, task)
  return true
}
