/**
 * Completes jobs by the reports of their last tasks, several at a time, in one statement: most jobs end this way, and
 * each round trip costs. Its steps are its CTEs, in this order:
 *
 * - `ready`: the reports that count and complete an active job. Locks assignments, then jobs; the updates below lock
 *   tasks. Every transaction takes locks in this order.
 * - `ended_assignment`, `completed`, `ended_task`: each report is counted as the last one of its assignment, its job is
 *   completed, its task ends.
 * - `ended_cleanup`: cleanups of earlier jobs that wait for the same place end. The worker has removed what they would
 *   remove; now they would remove the new output.
 * - `slot`: one row for each task that a worker takes next. It depends on the updates above, so that the places of the
 *   ended tasks are free.
 * - `taken`, `given`, `assigned`, `started`: as many waiting tasks are taken as there are slots, each is given to the
 *   worker of one slot and assigned, and jobs start whose first task is among them.
 * - `published`: the progress events of the completed and the started jobs.
 *
 * The result has a row for each completed job, or one for each task that its worker takes next.
 */
import { eq, sql, type SQL } from 'drizzle-orm'

import { keepByKey, prepareQuery } from '../../database/prepared-query.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { assignments } from '../../workers/schema.ts'
import { callCountsIn, endByLastCallsQuery } from '../../workers/store/assignments.ts'
import { insertReusedQuery } from '../../workers/store/reused-workers.ts'
import { JOB_KIND } from '../job-worker.ts'
import { jobs, jobTasks } from '../schema.ts'
import { transitionOf } from '../status.ts'
import type { WorkerReport } from '../worker-report.ts'
import { HANDED_OVER_MESSAGE } from './handovers.ts'
import { allowsEvent, startJobsQuery } from './jobs.ts'
import { insertProgressQuery, PROGRESS_COLUMNS } from './progress-events.ts'
import { endCleanupsQuery, takeTasksQuery, taskWithJobColumns, type TaskWithJob } from './tasks.ts'

/** A report that may complete its job. */
export type Completion = {
  readonly taskId: string
  readonly report: WorkerReport
  /** How many waiting tasks its worker takes next. */
  readonly room: number
}

/** A job that was completed, and the tasks that its worker takes next. */
export type CompletedJob = { readonly jobId: string; readonly next: readonly TaskWithJob[] }

/**
 * Which jobs are completed. `plain`: jobs that need nothing else, whose rows no other transaction holds. `any`: also
 * jobs with a webhook to publish or intermediate files to clean up, which the caller sees to; waits for locked rows.
 */
export type CompletionScope = 'plain' | 'any'

/** How many reports one statement takes: Postgres plans for this many. */
export const MAX_COMPLETIONS = 16

/**
 * Completes the jobs of reports, each of another task. `null` for a report that does not count, completes no job, or
 * is outside of the scope.
 */
export async function completeJobs(
  db: DbOrTx,
  completions: readonly Completion[],
  scope: CompletionScope,
): Promise<(CompletedJob | null)[]> {
  const rows = await completeJobsQuery(scope)(db, { reports: JSON.stringify(completions.map(toReportRow)) })
  return completions.map(({ taskId }) => {
    const own = rows.filter((row) => row.taskId === taskId)
    const next = own.flatMap(({ task, job, timeLeftMs, leftoverJobIds }) =>
      task && job ? [{ task, job, timeLeftMs, leftoverJobIds }] : [],
    )
    return own[0] === undefined ? null : { jobId: own[0].jobId, next }
  })
}

/** Returns a report as `REPORTS` reads it. JSON columns travel as text, which keeps their escapes as they are. */
function toReportRow({ taskId, report, room }: Completion) {
  const { epoch, seq, plan, output, media_info, validation, worker, claimant } = report
  const text = (value: object | null) => (value === null ? null : JSON.stringify(value))
  const columns = { output: text(output), media_info: text(media_info), validation: text(validation) }
  return { id: taskId, epoch, seq, is_split: plan !== null, ...columns, worker, claimant: claimant ?? null, room }
}

const REPORTS = sql`
  select * from json_to_recordset(${sql.placeholder('reports')}::json) as report (
    id text, epoch int, seq int, is_split boolean, output text, media_info text, validation text,
    worker text, claimant text, room int)
  limit ${sql.raw(String(MAX_COMPLETIONS))}`

const completeJobsQuery = keepByKey((scope: CompletionScope) =>
  prepareQuery('complete_jobs', (db) => {
    const ready = db.$with('ready', {}).as(selectReadyReports(scope))
    const endedAssignment = db.$with('ended_assignment').as(endByLastCallsQuery(db, sql`select * from ready`))
    const completed = db.$with('completed').as(completeReadyJobs(db))
    const endedTask = db.$with('ended_task').as(endReadyTasks(db))
    const endedCleanup = db.$with('ended_cleanup').as(endCleanupsQuery(db, sql`select output_key from ended_task`))
    const slot = db.$with('slot', {}).as(selectSlots())
    const taken = db.$with('taken').as(takeTasksForSlots(db))
    const given = db.$with('given', {}).as(pairTasksWithSlots())
    const assigned = db.$with('assigned', {}).as(insertReusedQuery(JOB_KIND, sql`select * from given`))
    const started = db.$with('started').as(startTakenJobs(db))
    const published = db.$with('published', {}).as(publishChangedJobs(db))
    return db
      .with(
        ready,
        endedAssignment,
        completed,
        endedTask,
        endedCleanup,
        slot,
        taken,
        given,
        assigned,
        started,
        published,
      )
      .select({
        taskId: completed.taskId,
        jobId: completed.id,
        ...taskWithJobColumns(sql`select id from ended_cleanup`),
      })
      .from(completed)
      .leftJoin(sql`given`, sql`given.ended_task_id = ${completed.taskId}`)
      .leftJoin(jobTasks, sql`${jobTasks.id} = given.id`)
      .leftJoin(jobs, eq(jobs.id, jobTasks.jobId))
  }),
)

function selectReadyReports(scope: CompletionScope): SQL {
  const isInScope = scope === 'any' ? sql`true` : sql`${jobs.callbackUrl} is null and ending.task = 'encode'`
  const completesJob = sql`(ending.task = 'join' or (ending.task = 'encode' and not report.is_split))`
  return sql`
    select report.*, ending.job_id
    from (${REPORTS}) report join ${assignments} on ${assignments.id} = report.id
      join ${jobTasks} ending on ending.id = report.id join ${jobs} on ${jobs.id} = ending.job_id
    where ${callCountsIn('report')} and ${allowsEvent('completed')} and ${completesJob} and ${isInScope}
    for update of assignments, jobs ${scope === 'any' ? sql`` : sql`skip locked`}`
}

function completeReadyJobs(db: DbOrTx) {
  return db
    .update(jobs)
    .set({
      status: transitionOf('completed').to,
      progress: 100,
      message: 'completed',
      fps: null,
      speed: null,
      etaSec: null,
      output: sql`ready.output::json`,
      mediaInfo: sql`coalesce(ready.media_info::json, ${jobs.mediaInfo})`,
      validation: sql`coalesce(ready.validation::json, ${jobs.validation})`,
      endedAt: sql`now()`,
      lastSeq: sql`${jobs.lastSeq} + 1`,
      updatedAt: sql`now()`,
    })
    .from(sql`ready`)
    .where(sql`${jobs.id} = ready.job_id`)
    .returning({ ...PROGRESS_COLUMNS, taskId: sql<string>`ready.id`.as('task_id') })
}

function endReadyTasks(db: DbOrTx) {
  return db
    .update(jobTasks)
    .set({ status: 'ended', progress: 100, fps: null, speed: null })
    .where(sql`${jobTasks.id} in (select id from ready)`)
    .returning({ id: jobTasks.id, outputKey: jobTasks.outputKey })
}

function selectSlots(): SQL {
  return sql`
    select row_number() over () as number, ready.id as ended_task_id, worker as host, launched_by as owner, claimant
    from ready join completed on completed.task_id = ready.id join ended_task on ended_task.id = ready.id
      join ended_assignment on ended_assignment.id = ready.id, generate_series(1, room)
    where launched_by is not null`
}

function takeTasksForSlots(db: DbOrTx) {
  return takeTasksQuery(db, { limit: sql`(select count(*) from slot)`, ending: sql`select id from ended_task` })
}

function pairTasksWithSlots(): SQL {
  return sql`
    select id, slot.* from (select id, row_number() over () as number from taken) numbered join slot using (number)`
}

function startTakenJobs(db: DbOrTx) {
  return startJobsQuery(db, sql`select id from taken`, HANDED_OVER_MESSAGE).returning(PROGRESS_COLUMNS)
}

function publishChangedJobs(db: DbOrTx): SQL {
  const columns = sql.join(
    Object.values(PROGRESS_COLUMNS).map(({ name }) => sql.identifier(name)),
    sql`, `,
  )
  const changed = sql`(select ${columns} from completed union all select ${columns} from started)`
  return insertProgressQuery(db, changed).getSQL()
}
