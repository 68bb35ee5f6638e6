import { and, asc, count, desc, eq, getTableColumns, gt, inArray, isNull, lt, lte, sql, type SQL } from 'drizzle-orm'

import type { Db, DbOrTx, Tx } from '../context.ts'
import { statement, statements } from '../statement.ts'
import { assignments } from '../workers/schema.ts'
import { jobs, jobTasks, jobUpdates } from './schema.ts'
import type { FinalJobStatus, JobStatus } from './status.ts'

export type Job = typeof jobs.$inferSelect
export type NewJob = typeof jobs.$inferInsert
export type JobUpdate = typeof jobUpdates.$inferSelect

const active = isNull(jobs.endedAt)

/** Creations go one at a time, so that their count cannot pass the limit: a number of our own for Postgres' lock. */
const CREATION_LOCK = 7_311_003

/** Holds back all other creations until the transaction ends. */
export async function lockCreation(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${CREATION_LOCK})`)
}

/** How many jobs wait for their first worker. */
export async function countQueued(db: DbOrTx): Promise<number> {
  const [row] = await db.select({ n: count() }).from(jobs).where(eq(jobs.status, 'queued'))
  return row?.n ?? 0
}

export async function insertJob(tx: Tx, job: NewJob): Promise<Job> {
  const [row] = await tx.insert(jobs).values(job).returning()
  if (row === undefined) throw new Error('an inserted row was not returned')
  return row
}

export async function findJob(db: DbOrTx, id: string): Promise<Job | null> {
  const [row] = await db.select().from(jobs).where(eq(jobs.id, id))
  return row ?? null
}

/** The same, and nobody else changes it until the transaction ends. */
export async function lockJob(tx: Tx, id: string): Promise<Job | null> {
  const [row] = await tx.select().from(jobs).where(eq(jobs.id, id)).for('update')
  return row ?? null
}

/** A job as users see it: with how many attempts were made at it, at the most of any of its tasks. */
export type TriedJob = Job & { readonly attempts: number }
const attempts = sql<number>`(
  select coalesce(max(made.attempts), 0) from ${jobTasks} task join ${assignments} made on made.id = task.id
  where task.job_id = jobs.id and task.task <> 'sweep')`
const tried = { ...getTableColumns(jobs), attempts }

export async function findTriedJob(db: Db, id: string): Promise<TriedJob | null> {
  const [row] = await db.select(tried).from(jobs).where(eq(jobs.id, id))
  return row ?? null
}

export type Page = {
  readonly status: JobStatus | undefined
  /** Only jobs older than this one. */
  readonly before: string | null
  readonly limit: number
}

/** Jobs, newest first: their ids sort by age. */
export function listJobs(db: Db, { status, before, limit }: Page): Promise<TriedJob[]> {
  return db
    .select(tried)
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

/** How many jobs have each status that any has. */
export function countByStatus(db: Db): Promise<{ status: JobStatus; jobs: number }[]> {
  return db.select({ status: jobs.status, jobs: count() }).from(jobs).groupBy(jobs.status)
}

/** What can be told of a job while it runs. */
export type JobChange = Partial<
  Pick<
    Job,
    'status' | 'progress' | 'message' | 'fps' | 'speed' | 'etaSec' | 'mediaInfo' | 'validation' | 'plan' | 'hasStored'
  >
>

/** Changes an active job, as one more update of it; `null` where it has ended. */
export async function changeJob(tx: Tx, id: string, change: JobChange): Promise<Job | null> {
  return update(tx, id, change)
}

/** Ends an active job without an output, as its last update; `null` where it had ended before. See `completeByReport`. */
export async function endJob(
  tx: Tx,
  id: string,
  status: Exclude<FinalJobStatus, 'completed'>,
  end: Pick<Job, 'message'> & Partial<Pick<Job, 'errorCode' | 'errorMessage'>>,
): Promise<Job | null> {
  return update(tx, id, { ...end, status, fps: null, speed: null, etaSec: null }, true)
}

async function update(tx: Tx, jobId: string, columns: Partial<Job>, isEnd = false): Promise<Job | null> {
  const change = (isEnd ? ending : changing)(Object.keys(columns).join())
  const [row] = await change(tx, { ...changeValues(columns), jobId })
  return row ?? null
}

function changeValues(columns: Partial<Job>): Record<string, unknown> {
  const all = new Map(Object.entries(getTableColumns(jobs)))
  return Object.fromEntries(
    Object.entries(columns).map(([name, value]) => [
      name,
      value === null ? null : all.get(name)?.mapToDriverValue(value),
    ]),
  )
}

const changing = statements((names: string) => statement('change_job', (db) => changeUpdate(db, names, {})))
const ending = statements((names: string) =>
  statement('end_job', (db) => changeUpdate(db, names, { endedAt: sql`now()` })),
)

/** The update of an active job, by placeholders named as the columns, and `jobId`. */
function changeUpdate(db: DbOrTx, names: string, also: { readonly endedAt?: SQL }) {
  return db
    .update(jobs)
    .set({
      ...Object.fromEntries(names.split(',').map((name) => [name, sql`${sql.placeholder(name)}`])),
      ...also,
      lastSeq: sql`${jobs.lastSeq} + 1`,
      updatedAt: sql`now()`,
    })
    .where(and(eq(jobs.id, sql.placeholder('jobId')), active))
    .returning()
}

/**
 * The update that marks jobs whose first worker is being started; those that had started before are left as they are.
 */
export function startUpdate(db: DbOrTx, ids: SQL, message: string) {
  return (
    db
      .update(jobs)
      .set({
        status: 'processing',
        message: sql`${message}`,
        startedAt: sql`now()`,
        deadlineAt: sql`now() + make_interval(secs => ${jobs.timeoutSec})`,
        lastSeq: sql`${jobs.lastSeq} + 1`,
        updatedAt: sql`now()`,
      })
      // In these words it is not looked for by its status, of which there may be thousands.
      .where(sql`${jobs.id} in (${ids}) and (${jobs.status} = 'queued') is true`)
  )
}

/** Makes that update, and gives the jobs that have begun by it. */
export function startJobs(tx: Tx, ids: readonly string[], message: string): Promise<Job[]> {
  if (ids.length === 0) return Promise.resolve([])
  const list = ids.map((id) => sql`${id}`)
  return startUpdate(tx, sql.join(list, sql`, `), message)
    .returning()
    .execute()
}

/** Jobs that run for longer than they may. */
export async function listPastDeadline(db: Db): Promise<string[]> {
  const rows = await db
    .select({ id: jobs.id })
    .from(jobs)
    .where(and(active, lte(jobs.deadlineAt, sql`now()`)))
  return rows.map(({ id }) => id)
}

export async function insertUpdates(tx: Tx, updates: readonly Omit<JobUpdate, 'createdAt'>[]): Promise<void> {
  const values = updates.flatMap(({ jobId, seq, body }, i) => [
    [`jobId${i}`, jobId] as const,
    [`seq${i}`, seq] as const,
    [`body${i}`, body] as const,
  ])
  if (updates.length > 0) await inserting(updates.length)(tx, Object.fromEntries(values))
}

const inserting = statements((rows: number) => {
  const row = (_: unknown, i: number) => ({
    jobId: sql.placeholder(`jobId${i}`),
    seq: sql.placeholder(`seq${i}`),
    body: sql.placeholder(`body${i}`),
  })
  return statement('job_updates', (db) => db.insert(jobUpdates).values(Array.from({ length: rows }, row)))
})

/** What was told of a job after a number, in order. */
export function listUpdates(db: Db, jobId: string, afterSeq: number, limit: number): Promise<JobUpdate[]> {
  return db
    .select()
    .from(jobUpdates)
    .where(and(eq(jobUpdates.jobId, jobId), gt(jobUpdates.seq, afterSeq)))
    .orderBy(asc(jobUpdates.seq))
    .limit(limit)
}

/** For how long the story of an ended job can be read from its beginning, in hours; afterwards its last word stays. */
const STORY_KEPT_HOURS = 24

export async function forgetOldUpdates(db: Db): Promise<void> {
  const ended = db
    .select({ id: jobs.id })
    .from(jobs)
    .where(lt(jobs.endedAt, sql`now() - make_interval(hours => ${STORY_KEPT_HOURS})`))
  await db
    .delete(jobUpdates)
    .where(
      and(
        inArray(jobUpdates.jobId, ended),
        sql`${jobUpdates.seq} < (select ${jobs.lastSeq} from ${jobs} where ${jobs.id} = ${jobUpdates.jobId})`,
      ),
    )
}
