import { and, asc, eq, gte, inArray, isNotNull, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx, Db, Tx } from '../../context.ts'
import { statement, statements } from '../../statement.ts'
import { jobs, jobTasks } from '../schema.ts'
import type { Job } from '../store.ts'

export type Task = typeof jobTasks.$inferSelect
export type NewTask = Omit<typeof jobTasks.$inferInsert, 'dueAt'> & {
  /** Not before so many seconds from now. */
  readonly dueInSec: number
}

export async function insertTasks(tx: Tx, tasks: readonly NewTask[]): Promise<void> {
  const rows = tasks.map(({ dueInSec, ...task }) => ({
    ...task,
    dueAt: sql`now() + make_interval(secs => ${dueInSec})`,
  }))
  await tx.insert(jobTasks).values(rows)
}

export async function findTask(db: DbOrTx, id: string): Promise<Task | null> {
  const [row] = await db.select().from(jobTasks).where(eq(jobTasks.id, id))
  return row ?? null
}

/** What these tasks are, and of which jobs. */
export async function listTasks(db: Db, ids: readonly string[]): Promise<Pick<Task, 'id' | 'jobId' | 'task'>[]> {
  if (ids.length === 0) return []
  const { id, jobId, task } = jobTasks
  return db
    .select({ id, jobId, task })
    .from(jobTasks)
    .where(inArray(id, [...ids]))
}

/** What comes after its job's end has this long; ms. */
const UNBOUND_MS = 600_000

/** A job has its deadline from its start on, and then all of its time. */
const deadlineAt = sql`coalesce(${jobs.deadlineAt}, now() + make_interval(secs => ${jobs.timeoutSec}))`
const leftMs = sql`greatest(0, ceil(extract(epoch from ${deadlineAt} - now()) * 1000))`

const TOLD_OF_TASK = { id: jobTasks.id, task: jobTasks.task, chunk: jobTasks.chunk }
const TOLD_OF_JOB = {
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

/** A task with all that its worker is to know. */
export type Work = {
  readonly task: Pick<Task, keyof typeof TOLD_OF_TASK>
  readonly job: Pick<Job, keyof typeof TOLD_OF_JOB>
  /** How long the job may still take, by the database's clock. */
  readonly timeLeftMs: number
  /** The earlier jobs of which something may lie where this one is to store. */
  readonly leftBy: readonly string[]
}

/** The columns of `Work`, of a task joined with its job, as it is started or was. */
export const WORK = workBut(sql`select null where false`)

/** The same in a statement that ends some sweeps: `ended` is a query of their ids. */
export function workBut(ended: SQL) {
  return {
    task: TOLD_OF_TASK,
    job: TOLD_OF_JOB,
    timeLeftMs: sql<number>`(case when ${jobs.endedAt} is null then ${leftMs} else ${UNBOUND_MS} end)::float8`,
    // As JSON: on the edge nobody reads Postgres' arrays.
    leftBy: sql<string[]>`(
      select coalesce(json_agg(other.job_id), '[]') from ${jobTasks} other
      where other.output_key = job_tasks.output_key and other.job_id <> job_tasks.job_id
        and other.status in ('waiting', 'running') and other.task = 'sweep' and other.id not in (${ended}))`,
  }
}

export async function findWork(db: Db, id: string): Promise<Work | null> {
  const [row] = await db
    .select(WORK)
    .from(jobTasks)
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
    .where(eq(jobTasks.id, id))
  return row ?? null
}

/** The tasks of a job that have not ended, pieces in order. */
export function listOpenTasks(tx: Tx, jobId: string): Promise<Task[]> {
  return tx
    .select()
    .from(jobTasks)
    .where(and(eq(jobTasks.jobId, jobId), sql`${jobTasks.status} in ('waiting', 'running')`))
    .orderBy(asc(jobTasks.position))
}

/** The jobs that have ended and of which tasks are open, but for those that clean up. */
export async function listOpenTasksOfEnded(db: Db): Promise<string[]> {
  const rows = await db
    .selectDistinct({ jobId: jobTasks.jobId })
    .from(jobTasks)
    .innerJoin(jobs, eq(jobs.id, jobTasks.jobId))
    .where(
      and(sql`${jobTasks.status} in ('waiting', 'running')`, sql`${jobTasks.task} <> 'sweep'`, isNotNull(jobs.endedAt)),
    )
  return rows.map(({ jobId }) => jobId)
}

/** How far a job's pieces are, added up. */
export type PieceProgress = {
  readonly pieces: number
  readonly open: number
  /** Mean of all, 0–100. */
  readonly progress: number
  /** Of those that run, together. */
  readonly fps: number | null
  readonly speed: number | null
}

export async function readPieces(tx: Tx, jobId: string): Promise<PieceProgress> {
  const isOpen = sql`${jobTasks.status} in ('waiting', 'running')`
  const [row] = await tx
    .select({
      pieces: sql<number>`count(*)::int`,
      open: sql<number>`(count(*) filter (where ${isOpen}))::int`,
      progress: sql<number>`coalesce(avg(${jobTasks.progress}), 0)::float8`,
      fps: sql<number | null>`sum(${jobTasks.fps}) filter (where ${isOpen})`,
      speed: sql<number | null>`sum(${jobTasks.speed}) filter (where ${isOpen})`,
    })
    .from(jobTasks)
    .where(and(eq(jobTasks.jobId, jobId), eq(jobTasks.task, 'chunk')))
  return row ?? { pieces: 0, open: 0, progress: 0, fps: null, speed: null }
}

export async function updateTask(
  tx: Tx,
  id: string,
  told: Pick<Task, 'progress' | 'fps' | 'speed'> & Partial<Pick<Task, 'status'>>,
): Promise<void> {
  await updated(tx, { id, status: null, ...told })
}

const updated = statement('update_task', (db) =>
  db
    .update(jobTasks)
    .set({
      // Another attempt begins anew, but what was reached once stays told.
      progress: sql`greatest(${jobTasks.progress}, ${sql.placeholder('progress')})`,
      fps: sql`${sql.placeholder('fps')}`,
      speed: sql`${sql.placeholder('speed')}`,
      status: sql`coalesce(${sql.placeholder('status')}, ${jobTasks.status})`,
    })
    .where(eq(jobTasks.id, sql.placeholder('id'))),
)

export async function endTasks(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await tx
    .update(jobTasks)
    .set({ status: 'ended' })
    .where(inArray(jobTasks.id, [...ids]))
}

/** The update that ends the sweeps that wait to remove something from where jobs have stored their outputs now. */
export function endSweepsUpdate(db: DbOrTx, outputKeys: SQL) {
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

/** Ends the sweeps that were tried so often; gives whose they were. */
export async function endSweepsTried(db: Db, tries: number): Promise<Pick<Task, 'jobId' | 'outputKey'>[]> {
  return db
    .update(jobTasks)
    .set({ status: 'ended' })
    .where(and(sql`${jobTasks.status} = 'waiting'`, sql`${jobTasks.task} = 'sweep'`, gte(jobTasks.position, tries)))
    .returning({ jobId: jobTasks.jobId, outputKey: jobTasks.outputKey })
}

/** A number of our own for Postgres' lock: whoever counts workers to start more does so alone. */
const START_LOCK = 7_311_002

/** Holds back all other starts until the transaction ends. */
export async function lockStarts(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${START_LOCK})`)
}

/**
 * Starts waiting tasks, the first by priority, then age: those of which no other job is about to write to the same
 * place, or has something to clean up there that goes before.
 */
export async function takeWaiting(tx: Tx, limit: number): Promise<string[]> {
  return (await taken(limit)(tx, {})).map(({ id }) => id)
}

const taken = statements((limit: number) => statement('take_waiting', (db) => takeUpdate(db, takingUpTo(limit))))

/** How many are taken, and which end in the very statement that takes: a query of their ids. */
export type Taking = { readonly limit: SQL; readonly ending: SQL }

export function takingUpTo(limit: number): Taking {
  return { limit: sql.raw(String(limit)), ending: sql`select null where false` }
}

/**
 * The update behind `takeWaiting`. It walks the waiting ones in their order as far as it must (`job_tasks_waiting`): in
 * these words Postgres, whatever it knows of the table, does not sort them all, nor plan anew at each call.
 */
export function takeUpdate(db: DbOrTx, { limit, ending }: Taking) {
  const isAhead = sql`(other.priority, job_tasks.due_at, job_tasks.id) > (job_tasks.priority, other.due_at, other.id)`
  const isTaken = sql`exists (
    select from ${jobTasks} other
    where other.output_key = job_tasks.output_key and other.job_id <> job_tasks.job_id
      and ((other.status = 'running' and (job_tasks.task = 'sweep' or other.id not in (${ending})))
        or (other.status = 'waiting' and job_tasks.task in ('encode', 'sweep')
          and (other.task in ('chunk', 'join') or ${isAhead}))))`
  const isWanted = sql`(job_tasks.task = 'sweep' or
    (select ${jobs.endedAt} from ${jobs} where ${jobs.id} = job_tasks.job_id) is null)`
  const isWaiting = sql`${jobTasks.status} <> 'running' and ${jobTasks.status} <> 'ended'`
  const mayStart = sql`case when ${jobTasks.dueAt} <= now() then ${isWanted} and not ${isTaken} else false end`
  // On its own, so that it is asked once: rows looked up again and again would be more than so many. And as an array: a
  // plan for an unknown number of them would read the whole table.
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

/** How many tasks wait for a worker. */
export async function countWaiting(db: Db): Promise<number> {
  const [row] = await db
    .select({ n: sql<number>`count(*)::int` })
    .from(jobTasks)
    .where(and(sql`${jobTasks.status} = 'waiting'`, sql`${jobTasks.dueAt} <= now()`))
  return row?.n ?? 0
}

/** Whether any does; quick. */
export async function isAnyWaiting(db: Db): Promise<boolean> {
  const rows = await db
    .select({ id: jobTasks.id })
    .from(jobTasks)
    .where(sql`${jobTasks.status} = 'waiting'`)
    .limit(1)
    .prepare('any_waiting')
    .execute()
  return rows.length > 0
}

/** In how many ms the next task may be started that has to wait for its time; `null`: none has. */
export async function nextDueInMs(db: Db): Promise<number | null> {
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${jobTasks.dueAt}) - now()) * 1000)::float8` })
    .from(jobTasks)
    .where(and(eq(jobTasks.status, 'waiting'), sql`${jobTasks.dueAt} > now()`))
  return row?.ms ?? null
}
