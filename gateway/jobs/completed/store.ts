import { eq, isNull, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx } from '../../context.ts'
import { statement, statements } from '../../statement.ts'
import { hostedInsert } from '../../workers/hosted/store.ts'
import { lastCallUpdate } from '../../workers/store.ts'
import type { WorkersReport } from '../host-next.ts'
import { JOB_KIND } from '../pod.ts'
import { jobs, jobTasks, jobUpdates } from '../schema.ts'
import { startUpdate } from '../store.ts'
import { endSweepsUpdate, takeUpdate, workBut, type Work } from '../tasks/store.ts'

export type Completed = { readonly jobId: string; readonly next: readonly Work[] }

export type Completion = {
  readonly taskId: string
  readonly report: WorkersReport
  /** Tasks that its worker takes next, if they wait. */
  readonly room: number
  /** Also where a webhook is to be sent, or pieces are to be removed, which is the caller's to see to. */
  readonly withRest: boolean
}

/**
 * Takes the report that completes a job, with all that follows: the call counts, the task and its assignment end, the
 * worker takes what waits, and both are told to who follows them. One statement: most jobs end so, and each round
 * trip costs. `null`: it is no such report, or it does not count, or the job was ended otherwise this very moment.
 */
export async function completeByReport(db: DbOrTx, completion: Completion): Promise<Completed | null> {
  const { taskId, report, room, withRest } = completion
  const rows = await completing(room)(db, {
    id: taskId,
    epoch: report.epoch,
    seq: report.seq,
    isSplit: report.plan !== null,
    withRest,
    output: JSON.stringify(report.output),
    mediaInfo: report.media_info === null ? null : JSON.stringify(report.media_info),
    validation: report.validation === null ? null : JSON.stringify(report.validation),
    worker: report.worker,
    claimant: report.claimant ?? null,
  })
  const [first] = rows
  if (first === undefined) return null
  const next = rows.flatMap(({ task, job, timeLeftMs, leftBy }) =>
    task && job ? [{ task, job, timeLeftMs, leftBy }] : [],
  )
  return { jobId: first.jobId, next }
}

const completing = statements((room: number) => statement('complete_job', (db) => completionOf(db, room)))

const given = (name: string) => sql`${sql.placeholder(name)}`

function completionOf(db: DbOrTx, room: number) {
  const isLast = sql`exists (
    select from job_tasks last join jobs on jobs.id = last.job_id
    where last.id = assignments.id and (last.task = 'join' or (last.task = 'encode' and not ${given('isSplit')}::boolean))
      and jobs.ended_at is null
      and (${given('withRest')}::boolean or (jobs.callback_url is null and last.task = 'encode')))`
  const call = db.$with('call').as(lastCallUpdate(db, isLast))
  // Locked in this order: assignment, job, tasks.
  const completed = db.$with('completed').as(completedUpdate(db, sql`(select id from ${call})`))
  const task = db.$with('task').as(
    db
      .update(jobTasks)
      .set({ status: 'ended', progress: 100, fps: null, speed: null })
      .where(sql`${jobTasks.id} = (select id from ${call})`)
      .returning({ outputKey: jobTasks.outputKey }),
  )
  // Its worker has removed what earlier jobs had left there; whoever still tried would remove the output.
  const swept = db.$with('swept').as(endSweepsUpdate(db, sql`(select output_key from ${task})`))
  // Ended before any is taken: taking locks for a moment what others have just taken, and they may be about to end that.
  const isEnded = sql`exists (select from ${completed}) and exists (select from ${task})`
  const mayTake = sql`${isEnded} and exists (select from ${call} where launched_by is not null)`
  const taken = db.$with('taken').as(takeUpdate(db, room, { id: given('id'), condition: mayTake }))
  const ids = sql`select id from ${taken}`
  const carrier = {
    host: given('worker'),
    owner: sql`(select launched_by from ${call})`,
    claimant: given('claimant'),
  }
  const assigned = db.$with('assigned', {}).as(hostedInsert(JOB_KIND, ids, carrier))
  const started = db.$with('started').as(startUpdate(db, ids, 'a worker takes it').returning(TOLD))
  const told = db.$with('told', {}).as(sql`
    insert into ${jobUpdates} (job_id, seq, body)
    select id, last_seq, ${PROGRESS} from (select * from ${completed} union all select * from ${started}) job`)
  return db
    .with(call, completed, task, swept, taken, assigned, started, told)
    .select({ jobId: completed.id, ...workBut(sql`select id from ${swept}`) })
    .from(completed)
    .leftJoin(taken, sql`true`)
    .leftJoin(jobTasks, eq(jobTasks.id, taken.id))
    .leftJoin(jobs, eq(jobs.id, jobTasks.jobId))
}

function completedUpdate(db: DbOrTx, taskId: SQL) {
  return db
    .update(jobs)
    .set({
      status: 'completed',
      progress: 100,
      message: 'completed',
      fps: null,
      speed: null,
      etaSec: null,
      output: sql`${given('output')}::json`,
      mediaInfo: sql`coalesce(${given('mediaInfo')}::json, ${jobs.mediaInfo})`,
      validation: sql`coalesce(${given('validation')}::json, ${jobs.validation})`,
      endedAt: sql`now()`,
      lastSeq: sql`${jobs.lastSeq} + 1`,
      updatedAt: sql`now()`,
    })
    .where(sql`${jobs.id} = (select job_id from job_tasks where id = ${taskId}) and ${isNull(jobs.endedAt)}`)
    .returning(TOLD)
}

/** What is told of a job that has begun or is completed. */
const TOLD = {
  id: jobs.id,
  lastSeq: jobs.lastSeq,
  status: jobs.status,
  progress: jobs.progress,
  message: jobs.message,
  updatedAt: jobs.updatedAt,
  output: jobs.output,
  mediaInfo: jobs.mediaInfo,
}

/** `presentProgress` of it. */
const PROGRESS = sql`case when job.status = 'completed'
  then json_build_object('job_id', job.id, 'status', job.status, 'progress', job.progress, 'message', job.message,
    'timestamp', ${momentOf('job.updated_at')}, 'output_url', job.output -> 'output_url',
    'output_type', job.output -> 'output_type', 'files_uploaded', job.output -> 'files_uploaded',
    'bytes', job.output -> 'bytes', 'media_info', job.media_info)
  else json_build_object('job_id', job.id, 'status', job.status, 'progress', job.progress, 'message', job.message,
    'timestamp', ${momentOf('job.updated_at')}) end`

/** As JavaScript writes it (`toISOString`). */
function momentOf(column: string) {
  return sql.raw(`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`)
}
