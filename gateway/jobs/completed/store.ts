import { eq, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx } from '../../context.ts'
import { statement, statements } from '../../statement.ts'
import { hostedInsert } from '../../workers/hosted/store.ts'
import { assignments } from '../../workers/schema.ts'
import { countsAs, lastCallsUpdate } from '../../workers/store.ts'
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
}

/** Reports that are taken at a time, at the most: Postgres plans for so many. */
export const MOST_AT_A_TIME = 16

/**
 * Takes reports that complete jobs, each of another task, with all that follows: the calls count, the tasks and their
 * assignments end, their workers take what waits, and all is told to who follows it. One statement: most jobs end so,
 * and each round trip costs. `null` for what is no such report, or does not count, or is about what somebody else holds
 * just now. `withRest`: also where a webhook is to be sent, or pieces are to be removed, which is the caller's to see to;
 * what somebody else holds is waited for.
 */
export async function completeByReports(
  db: DbOrTx,
  completions: readonly Completion[],
  { withRest }: { readonly withRest: boolean },
): Promise<(Completed | null)[]> {
  const rows = await completing(withRest)(db, { reports: JSON.stringify(completions.map(presentReport)) })
  return completions.map(({ taskId }) => {
    const own = rows.filter((row) => row.taskId === taskId)
    const next = own.flatMap(({ task, job, timeLeftMs, leftBy }) =>
      task && job ? [{ task, job, timeLeftMs, leftBy }] : [],
    )
    return own[0] === undefined ? null : { jobId: own[0].jobId, next }
  })
}

/** As `REPORTS` reads it. What is kept as JSON goes as text, to come out as it went in, whatever escapes it holds. */
function presentReport({ taskId, report, room }: Completion) {
  const { epoch, seq, plan, output, media_info, validation, worker, claimant } = report
  const text = (value: object | null) => (value === null ? null : JSON.stringify(value))
  const kept = { output: text(output), media_info: text(media_info), validation: text(validation) }
  return { id: taskId, epoch, seq, is_split: plan !== null, ...kept, worker, claimant: claimant ?? null, room }
}

const REPORTS = sql`
  select * from json_to_recordset(${sql.placeholder('reports')}::json) as report (
    id text, epoch int, seq int, is_split boolean, output text, media_info text, validation text,
    worker text, claimant text, room int)
  limit ${sql.raw(String(MOST_AT_A_TIME))}`

const completing = statements((withRest: boolean) => statement('complete_jobs', (db) => completionOf(db, withRest)))

function completionOf(db: DbOrTx, withRest: boolean) {
  const isWhole = sql`${jobs.callbackUrl} is null and ended.task = 'encode'`
  // Locked in this order: assignments, jobs, tasks. Where there may be many, none waits for one that somebody else holds.
  const ready = db.$with('ready', {}).as(sql`
    select report.*, ended.job_id
    from (${REPORTS}) report join ${assignments} on ${assignments.id} = report.id
      join ${jobTasks} ended on ended.id = report.id join ${jobs} on ${jobs.id} = ended.job_id
    where ${countsAs('report')} and ${jobs.endedAt} is null
      and (ended.task = 'join' or (ended.task = 'encode' and not report.is_split)) and ${withRest ? sql`true` : isWhole}
    for update of assignments, jobs ${withRest ? sql`` : sql`skip locked`}`)
  const call = db.$with('call').as(lastCallsUpdate(db, sql`select * from ${ready}`))
  const completed = db.$with('completed').as(completedUpdate(db, sql`select * from ${ready}`))
  const task = db.$with('task').as(
    db
      .update(jobTasks)
      .set({ status: 'ended', progress: 100, fps: null, speed: null })
      .where(sql`${jobTasks.id} in (select id from ${ready})`)
      .returning({ id: jobTasks.id, outputKey: jobTasks.outputKey }),
  )
  // Their workers have removed what earlier jobs had left there; whoever still tried would remove the outputs.
  const swept = db.$with('swept').as(endSweepsUpdate(db, sql`select output_key from ${task}`))
  // Each for one task. Their tasks end before any is taken: a place is free only then.
  const slots = db.$with('slots', {}).as(sql`
    select row_number() over () as slot, ready.id as ended_id, worker as host, launched_by as owner, claimant
    from ${ready} join ${completed} on completed.task_id = ready.id join ${task} on task.id = ready.id
      join ${call} on call.id = ready.id, generate_series(1, room)
    where launched_by is not null`)
  const limit = sql`(select count(*) from ${slots})`
  const taken = db.$with('taken').as(takeUpdate(db, { limit, ending: sql`select id from ${task}` }))
  const given = db.$with('given', {}).as(sql`
    select id, slots.* from (select id, row_number() over () as slot from ${taken}) numbered join ${slots} using (slot)`)
  const assigned = db.$with('assigned', {}).as(hostedInsert(JOB_KIND, sql`select * from ${given}`))
  const started = db
    .$with('started')
    .as(startUpdate(db, sql`select id from ${taken}`, 'a worker takes it').returning(TOLD))
  const told = db.$with('told', {}).as(sql`
    insert into ${jobUpdates} (job_id, seq, body)
    select id, last_seq, ${PROGRESS}
    from (select ${TOLD_NAMES} from ${completed} union all select ${TOLD_NAMES} from ${started}) job`)
  return db
    .with(ready, call, completed, task, swept, slots, taken, given, assigned, started, told)
    .select({ taskId: completed.taskId, jobId: completed.id, ...workBut(sql`select id from ${swept}`) })
    .from(completed)
    .leftJoin(sql`given`, sql`given.ended_id = ${completed.taskId}`)
    .leftJoin(jobTasks, sql`${jobTasks.id} = given.id`)
    .leftJoin(jobs, eq(jobs.id, jobTasks.jobId))
}

function completedUpdate(db: DbOrTx, ended: SQL) {
  return db
    .update(jobs)
    .set({
      status: 'completed',
      progress: 100,
      message: 'completed',
      fps: null,
      speed: null,
      etaSec: null,
      output: sql`ended.output::json`,
      mediaInfo: sql`coalesce(ended.media_info::json, ${jobs.mediaInfo})`,
      validation: sql`coalesce(ended.validation::json, ${jobs.validation})`,
      endedAt: sql`now()`,
      lastSeq: sql`${jobs.lastSeq} + 1`,
      updatedAt: sql`now()`,
    })
    .from(sql`(${ended}) ended`)
    .where(sql`${jobs.id} = ended.job_id`)
    .returning({ ...TOLD, taskId: sql<string>`ended.id`.as('task_id') })
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
const TOLD_NAMES = sql.join(
  Object.values(TOLD).map(({ name }) => sql.identifier(name)),
  sql`, `,
)

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
