import { and, asc, eq, gte, inArray, isNotNull, sql, type SQL } from 'drizzle-orm'

import { lockUntilCommit, tryLockUntilCommit } from '../../database/advisory-lock.ts'
import { keepByKey, prepareQuery } from '../../database/prepared-query.ts'
import type { Db, DbOrTx, Tx } from '../../ports/database.ts'
import { jobs, jobTasks } from '../schema.ts'
import type { Job } from './jobs.ts'

export type Task = typeof jobTasks.$inferSelect
export type NewTask = Omit<typeof jobTasks.$inferInsert, 'dueAt'> & {
  /** Seconds from now before which the task does not start; a negative number makes it older. */
  readonly dueInSec: number
}

/** Inserts waiting tasks. */
export async function insertTasks(tx: Tx, tasks: readonly NewTask[]): Promise<void> {
  const rows = tasks.map(({ dueInSec, ...task }) => ({
    ...task,
    dueAt: sql`now() + make_interval(secs => ${dueInSec})`,
  }))
  await tx.insert(jobTasks).values(rows)
}

/** Returns a task, or `null`. */
export async function findTask(db: DbOrTx, id: string): Promise<Task | null> {
  const [row] = await db.select().from(jobTasks).where(eq(jobTasks.id, id))
  return row ?? null
}

/** Returns the kinds and jobs of tasks. */
export async function listTasks(db: Db, ids: readonly string[]): Promise<Pick<Task, 'id' | 'jobId' | 'task'>[]> {
  if (ids.length === 0) return []
  const { id, jobId, task } = jobTasks
  return db
    .select({ id, jobId, task })
    .from(jobTasks)
    .where(inArray(id, [...ids]))
}

/** The time of a cleanup, whose job has ended; ms. */
const CLEANUP_TIME_MS = 600_000

/** A job's deadline is set at its start; until then the whole timeout is left. */
const deadlineAt = sql`coalesce(${jobs.deadlineAt}, now() + make_interval(secs => ${jobs.timeoutSec}))`
const timeLeftMs = sql`greatest(0, ceil(extract(epoch from ${deadlineAt} - now()) * 1000))`

const TASK_COLUMNS = { id: jobTasks.id, task: jobTasks.task, chunk: jobTasks.chunk }
const JOB_COLUMNS = {
  id: jobs.id,
  status: jobs.status,
  endedAt: jobs.endedAt,
  inputUrl: jobs.inputUrl,
  clip: jobs.clip,
  presetName: jobs.presetName,
  preset: jobs.preset,
  storage: jobs.storage,
  path: jobs.path,
  outputType: jobs.outputType,
  thumbnails: jobs.thumbnails,
  chunks: jobs.chunks,
  plan: jobs.plan,
  traceparent: jobs.traceparent,
}

/** A task with everything that its worker needs to know. */
export type TaskWithJob = {
  readonly task: Pick<Task, keyof typeof TASK_COLUMNS>
  readonly job: Pick<Job, keyof typeof JOB_COLUMNS>
  /** How long the job may still take, by the database's clock. */
  readonly timeLeftMs: number
  /** Earlier jobs that may have left something at this job's output path. */
  readonly leftoverJobIds: readonly string[]
}

/** The columns of `TaskWithJob`, of a task joined with its job. */
export const TASK_WITH_JOB = taskWithJobColumns(sql`select null where false`)

/**
 * Returns the columns of `TaskWithJob` in a statement that ends some cleanups; `endedCleanups` is a query of their ids.
 */
export function taskWithJobColumns(endedCleanups: SQL) {
  return {
    task: TASK_COLUMNS,
    job: JOB_COLUMNS,
    timeLeftMs: sql<number>`(case when ${jobs.endedAt} is null then ${timeLeftMs} else ${CLEANUP_TIME_MS} end)::float8`,
    // As JSON: the driver cannot read arrays on the edge.
    leftoverJobIds: sql<string[]>`(
      select coalesce(json_agg(other.job_id), '[]') from ${jobTasks} other
      where other.output_key = job_tasks.output_key and other.job_id <> job_tasks.job_id
        and other.status in ('waiting', 'running') and other.task = 'sweep' and other.id not in (${endedCleanups}))`,
  }
}

/** Returns a task with its job, or `null`. */
export async function findTaskWithJob(db: Db, id: string): Promise<TaskWithJob | null> {
  const [row] = await db
    .select(TASK_WITH_JOB)
    .from(jobTasks)
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
    .where(eq(jobTasks.id, id))
  return row ?? null
}

/** Returns the tasks of a job that have not ended, chunks in order. */
export function listOpenTasks(tx: Tx, jobId: string): Promise<Task[]> {
  return tx
    .select()
    .from(jobTasks)
    .where(and(eq(jobTasks.jobId, jobId), sql`${jobTasks.status} in ('waiting', 'running')`))
    .orderBy(asc(jobTasks.position))
}

/** Returns the ids of ended jobs that have tasks that have not ended, cleanups left out. */
export async function listEndedJobsWithOpenTasks(db: Db): Promise<string[]> {
  const rows = await db
    .selectDistinct({ jobId: jobTasks.jobId })
    .from(jobTasks)
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
    .where(
      and(sql`${jobTasks.status} in ('waiting', 'running')`, sql`${jobTasks.task} <> 'sweep'`, isNotNull(jobs.endedAt)),
    )
  return rows.map(({ jobId }) => jobId)
}

/** The progress of all chunks of a job together. */
export type ChunkProgress = {
  readonly chunks: number
  readonly open: number
  /** Mean of all chunks, 0–100. */
  readonly progress: number
  /** Sum of the open chunks. */
  readonly fps: number | null
  readonly speed: number | null
}

/** Returns the progress of a job's chunks. */
export async function readChunkProgress(tx: Tx, jobId: string): Promise<ChunkProgress> {
  const isOpen = sql`${jobTasks.status} in ('waiting', 'running')`
  const [row] = await tx
    .select({
      chunks: sql<number>`count(*)::int`,
      open: sql<number>`(count(*) filter (where ${isOpen}))::int`,
      progress: sql<number>`coalesce(avg(${jobTasks.progress}), 0)::float8`,
      fps: sql<number | null>`sum(${jobTasks.fps}) filter (where ${isOpen})`,
      speed: sql<number | null>`sum(${jobTasks.speed}) filter (where ${isOpen})`,
    })
    .from(jobTasks)
    .where(and(eq(jobTasks.jobId, jobId), eq(jobTasks.task, 'chunk')))
  return row ?? { chunks: 0, open: 0, progress: 0, fps: null, speed: null }
}

/** Stores the progress of a task, which never decreases, and its status where it changes. */
export async function updateTask(
  tx: Tx,
  id: string,
  change: Pick<Task, 'progress' | 'fps' | 'speed'> & Partial<Pick<Task, 'status'>>,
): Promise<void> {
  await updateTaskQuery(tx, { id, status: null, ...change })
}

const updateTaskQuery = prepareQuery('update_task', (db) =>
  db
    .update(jobTasks)
    .set({
      // Another attempt begins at 0; the progress that was shown stays.
      progress: sql`greatest(${jobTasks.progress}, ${sql.placeholder('progress')})`,
      fps: sql`${sql.placeholder('fps')}`,
      speed: sql`${sql.placeholder('speed')}`,
      status: sql`coalesce(${sql.placeholder('status')}, ${jobTasks.status})`,
    })
    .where(eq(jobTasks.id, sql.placeholder('id'))),
)

/** Ends tasks. */
export async function endTasks(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx
    .update(jobTasks)
    .set({ status: 'ended' })
    .where(inArray(jobTasks.id, [...ids]))
}

/** Returns the update that ends waiting cleanups of places where jobs have stored their outputs by now. */
export function endCleanupsQuery(db: DbOrTx, outputKeys: SQL) {
  return db
    .update(jobTasks)
    .set({ status: 'ended' })
    .where(
      and(
        sql`${jobTasks.outputKey} in (${outputKeys})`,
        sql`${jobTasks.status} = 'waiting'`,
        sql`${jobTasks.task} = 'sweep'`,
      ),
    )
    .returning({ id: jobTasks.id })
}

/** Ends the waiting cleanups that have been tried `tries` times, and returns their jobs and places. */
export async function endExhaustedCleanups(db: Db, tries: number): Promise<Pick<Task, 'jobId' | 'outputKey'>[]> {
  return db
    .update(jobTasks)
    .set({ status: 'ended' })
    .where(and(sql`${jobTasks.status} = 'waiting'`, sql`${jobTasks.task} = 'sweep'`, gte(jobTasks.position, tries)))
    .returning({ jobId: jobTasks.jobId, outputKey: jobTasks.outputKey })
}

/** Name of the advisory lock under which workers are counted to start more. */
const START_LOCK = 'jobs.starts'

/** Blocks other starts of tasks until the transaction ends. */
export async function lockTaskStarts(tx: Tx): Promise<void> {
  await lockUntilCommit(tx, START_LOCK)
}

/** Returns whether no other transaction starts tasks, and blocks others until this one ends. */
export async function tryLockTaskStarts(tx: Tx): Promise<boolean> {
  return tryLockUntilCommit(tx, START_LOCK)
}

/** Takes waiting tasks, at most `limit`, by priority, then age, and returns their ids. See `takeTasksQuery`. */
export async function takeWaitingTasks(tx: Tx, limit: number): Promise<string[]> {
  return (await takeWaitingQuery(limit)(tx, {})).map(({ id }) => id)
}

const takeWaitingQuery = keepByKey((limit: number) =>
  prepareQuery('take_waiting_tasks', (db) => takeTasksQuery(db, takeUpTo(limit))),
)

/** How many tasks a statement takes, and a query of the ids of tasks that it ends, whose places are free. */
export type TakeScope = { readonly limit: SQL; readonly ending: SQL }

/** Returns the scope of a statement that takes tasks and ends none. */
export function takeUpTo(limit: number): TakeScope {
  return { limit: sql.raw(String(limit)), ending: sql`select null where false` }
}

/**
 * Returns the update that takes due tasks. A task waits while another job writes to its place, or has a task waiting
 * for that place that goes first. Walks `job_tasks_waiting` in order: worded so that Postgres neither sorts nor
 * replans.
 */
export function takeTasksQuery(db: DbOrTx, { limit, ending }: TakeScope) {
  const goesFirst = sql`(other.priority, job_tasks.due_at, job_tasks.id) > (job_tasks.priority, other.due_at, other.id)`
  const isPlaceTaken = sql`exists (
    select from ${jobTasks} other
    where other.output_key = job_tasks.output_key and other.job_id <> job_tasks.job_id
      and ((other.status = 'running' and (job_tasks.task = 'sweep' or other.id not in (${ending})))
        or (other.status = 'waiting' and job_tasks.task in ('encode', 'sweep')
          and (other.task in ('chunk', 'join') or ${goesFirst}))))`
  const isNeeded = sql`(job_tasks.task = 'sweep' or
    (select ${jobs.endedAt} from ${jobs} where ${jobs.id} = job_tasks.job_id) is null)`
  const isWaiting = sql`${jobTasks.status} <> 'running' and ${jobTasks.status} <> 'ended'`
  const mayStart = sql`case when ${jobTasks.dueAt} <= now() then ${isNeeded} and not ${isPlaceTaken} else false end`
  // A CTE runs once; a subquery may run again and take more than the limit. Its result is read as an array, since the
  // plan for an unknown number of rows would read the whole table.
  const first = db.$with('first', {}).as(sql`
    select ${jobTasks.id} from ${jobTasks} where ${isWaiting} and ${mayStart}
    order by ${jobTasks.priority} desc nulls last, ${jobTasks.dueAt}, ${jobTasks.position}
    limit ${limit} for update skip locked`)
  return db
    .with(first)
    .update(jobTasks)
    .set({ status: 'running' })
    .where(sql`${jobTasks.id} = any(array(select id from ${first}))`)
    .returning({ id: jobTasks.id })
}

/** Returns how many due tasks wait for a worker. */
export async function countWaitingTasks(db: Db): Promise<number> {
  const [row] = await db
    .select({ n: sql<number>`count(*)::int` })
    .from(jobTasks)
    .where(and(sql`${jobTasks.status} = 'waiting'`, sql`${jobTasks.dueAt} <= now()`))
  return row?.n ?? 0
}

/** Returns whether any task waits, due or not; faster than counting. */
export async function hasWaitingTask(db: Db): Promise<boolean> {
  const rows = await db
    .select({ id: jobTasks.id })
    .from(jobTasks)
    .where(sql`${jobTasks.status} = 'waiting'`)
    .limit(1)
    .prepare('has_waiting_task')
    .execute()
  return rows.length > 0
}

/** Returns in how many ms the next task becomes due that is not due yet; `null`: there is none. */
export async function findNextDueMs(db: Db): Promise<number | null> {
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${jobTasks.dueAt}) - now()) * 1000)::float8` })
    .from(jobTasks)
    .where(and(eq(jobTasks.status, 'waiting'), sql`${jobTasks.dueAt} > now()`))
  return row?.ms ?? null
}
