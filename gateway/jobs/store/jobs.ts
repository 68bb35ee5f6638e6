import { and, count, desc, eq, getTableColumns, isNull, lt, lte, sql, type SQL } from 'drizzle-orm'

import { lockUntilCommit } from '../../database/advisory-lock.ts'
import { keepByKey, prepareQuery } from '../../database/prepared-query.ts'
import type { Db, DbOrTx, Tx } from '../../ports/database.ts'
import { assignments } from '../../workers/schema.ts'
import { jobs, jobTasks } from '../schema.ts'
import { INITIAL_JOB_STATUS, isFinal, transitionOf, type JobStatus, type JobStatusEvent } from '../status.ts'

export type Job = typeof jobs.$inferSelect
export type NewJob = Omit<typeof jobs.$inferInsert, 'status' | 'lastSeq'>

const isActive = isNull(jobs.endedAt)

/** Blocks the creation of other jobs until the transaction ends, so that their count stays below the limit. */
export async function lockJobCreation(tx: Tx): Promise<void> {
  await lockUntilCommit(tx, 'jobs.creation')
}

/** Returns how many jobs wait for their first worker. */
export async function countQueuedJobs(db: DbOrTx): Promise<number> {
  const [row] = await db.select({ n: count() }).from(jobs).where(eq(jobs.status, 'queued'))
  return row?.n ?? 0
}

/** Inserts a job in its initial status, with the number of its first progress event. */
export async function insertJob(tx: Tx, job: NewJob): Promise<Job> {
  const [row] = await tx
    .insert(jobs)
    .values({ ...job, status: INITIAL_JOB_STATUS, lastSeq: 1 })
    .returning()
  if (row === undefined) throw new Error('an inserted row was not returned')
  return row
}

/** Returns a job, or `null`. */
export async function findJob(db: DbOrTx, id: string): Promise<Job | null> {
  const [row] = await db.select().from(jobs).where(eq(jobs.id, id))
  return row ?? null
}

/** Returns a job, or `null`; no other transaction changes it until this one ends. */
export async function lockJob(tx: Tx, id: string): Promise<Job | null> {
  const [row] = await tx.select().from(jobs).where(eq(jobs.id, id)).for('update')
  return row ?? null
}

/** A job with the number of its attempts: the most that any of its tasks has had, cleanups left out. */
export type JobWithAttempts = Job & { readonly attempts: number }
const JOB_WITH_ATTEMPTS = {
  ...getTableColumns(jobs),
  attempts: sql<number>`(
    select coalesce(max(made.attempts), 0) from ${jobTasks} task join ${assignments} made on made.id = task.id
    where task.job_id = jobs.id and task.task <> 'sweep')`,
}

/** Returns a job with its attempts, or `null`. */
export async function findJobWithAttempts(db: Db, id: string): Promise<JobWithAttempts | null> {
  const [row] = await db.select(JOB_WITH_ATTEMPTS).from(jobs).where(eq(jobs.id, id))
  return row ?? null
}

/** Which jobs a page of the list shows. */
export type JobPageRequest = {
  readonly status: JobStatus | undefined
  /** Only jobs older than this one. */
  readonly before: string | null
  readonly limit: number
}

/** Returns jobs, newest first: their ids sort by age. */
export function readJobPage(db: Db, { status, before, limit }: JobPageRequest): Promise<JobWithAttempts[]> {
  return db
    .select(JOB_WITH_ATTEMPTS)
    .from(jobs)
    .where(
      and(
        status === undefined ? undefined : eq(jobs.status, status),
        before === null ? undefined : lt(jobs.id, before),
      ),
    )
    .orderBy(desc(jobs.id))
    .limit(limit)
}

/** Returns how many jobs have each status; a status without jobs is left out. */
export function countJobsByStatus(db: Db): Promise<{ status: JobStatus; jobs: number }[]> {
  return db.select({ status: jobs.status, jobs: count() }).from(jobs).groupBy(jobs.status)
}

/** Returns the ids of jobs that have run for longer than their timeout. */
export async function listJobsPastDeadline(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: jobs.id })
    .from(jobs)
    .where(and(isActive, lte(jobs.deadlineAt, sql`now()`)))
  return rows.map(({ id }) => id)
}

/**
 * Returns the condition that a job's status allows an event. It must not be answered by the index on `status`, which
 * may hold thousands of queued jobs (`is true`): the job is found by its id.
 */
export function allowsEvent(event: JobStatusEvent): SQL {
  const from = transitionOf(event).from.map((status) => `'${status}'`)
  return sql`(${jobs.status} in (${sql.raw(from.join(', '))})) is true`
}

/** The columns of a job that reports change; its status changes by events. */
export type JobChange = Partial<
  Pick<Job, 'progress' | 'message' | 'fps' | 'speed' | 'etaSec' | 'mediaInfo' | 'validation' | 'plan' | 'hasStored'>
>

/**
 * Changes an active job and numbers its next progress event; `null`: the job has ended, or its status forbids `event`.
 */
export async function changeJob(
  tx: Tx,
  id: string,
  change: JobChange,
  event: JobStatusEvent | null,
): Promise<Job | null> {
  return updateJob(tx, id, change, event)
}

/** Ends an active job without an output and numbers its last progress event; `null`: it had ended before. */
export async function endJob(
  tx: Tx,
  id: string,
  end: Pick<Job, 'message'> & Partial<Pick<Job, 'errorCode' | 'errorMessage'>>,
  event: 'failed' | 'canceled',
): Promise<Job | null> {
  return updateJob(tx, id, { ...end, fps: null, speed: null, etaSec: null }, event)
}

async function updateJob(
  tx: Tx,
  jobId: string,
  change: Partial<Job>,
  event: JobStatusEvent | null,
): Promise<Job | null> {
  const [row] = await updateJobQuery(event)(Object.keys(change).join())(tx, { ...toDriverValues(change), jobId })
  return row ?? null
}

function toDriverValues(change: Partial<Job>): Record<string, unknown> {
  const columns = new Map(Object.entries(getTableColumns(jobs)))
  return Object.fromEntries(
    Object.entries(change).map(([name, value]) => [
      name,
      value === null ? null : columns.get(name)?.mapToDriverValue(value),
    ]),
  )
}

/**
 * The update of an active job by an event and the names of the changed columns; placeholders: these names and `jobId`.
 */
const updateJobQuery = keepByKey((event: JobStatusEvent | null) =>
  keepByKey((names: string) =>
    prepareQuery('update_job', (db) =>
      db
        .update(jobs)
        .set({
          ...Object.fromEntries(names.split(',').map((name) => [name, sql`${sql.placeholder(name)}`])),
          ...(event === null ? {} : afterEvent(event)),
          lastSeq: sql`${jobs.lastSeq} + 1`,
          updatedAt: sql`now()`,
        })
        .where(and(eq(jobs.id, sql.placeholder('jobId')), event === null ? isActive : allowsEvent(event)))
        .returning(),
    ),
  ),
)

function afterEvent(event: JobStatusEvent) {
  const { to } = transitionOf(event)
  return isFinal(to) ? { status: to, endedAt: sql`now()` } : { status: to }
}

/** Returns the update that marks jobs whose first task is started; jobs that had started before stay as they are. */
export function startJobsQuery(db: DbOrTx, ids: SQL, message: string) {
  return db
    .update(jobs)
    .set({
      status: transitionOf('started').to,
      message: sql`${message}`,
      startedAt: sql`now()`,
      deadlineAt: sql`now() + make_interval(secs => ${jobs.timeoutSec})`,
      lastSeq: sql`${jobs.lastSeq} + 1`,
      updatedAt: sql`now()`,
    })
    .where(sql`${jobs.id} in (${ids}) and ${allowsEvent('started')}`)
}

/** Marks jobs whose first task is started, and returns the jobs that have started by it. */
export function startJobs(tx: Tx, ids: readonly string[], message: string): Promise<Job[]> {
  if (ids.length === 0) return Promise.resolve([])
  const list = ids.map((id) => sql`${id}`)
  return startJobsQuery(tx, sql.join(list, sql`, `), message)
    .returning()
    .execute()
}
