/**
 * Progress events: one row of `job_updates` for each change of a job, which its subscribers receive. Their body is
 * built here only, by `PROGRESS_BODY`, from the job's row: in SQL, so that the statement that completes jobs inserts
 * their events as well. A stream begins with the same body of the job's current row.
 */
import { and, asc, eq, gt, inArray, lt, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'

import { keepByKey, prepareQuery } from '../../database/prepared-query.ts'
import type { Db, DbOrTx, Tx } from '../../ports/database.ts'
import { jobs, jobUpdates } from '../schema.ts'
import type { JobStatus } from '../status.ts'

/** A progress event with its number among those of its job. */
export type StoredProgress = Pick<typeof jobUpdates.$inferSelect, 'seq' | 'body'>

const job = alias(jobs, 'job')

/** The columns of a job that its progress event is built from. */
export const PROGRESS_COLUMNS = {
  id: jobs.id,
  lastSeq: jobs.lastSeq,
  status: jobs.status,
  progress: jobs.progress,
  message: jobs.message,
  updatedAt: jobs.updatedAt,
  fps: jobs.fps,
  speed: jobs.speed,
  etaSec: jobs.etaSec,
  output: jobs.output,
  mediaInfo: jobs.mediaInfo,
  errorCode: jobs.errorCode,
  errorMessage: jobs.errorMessage,
}

/** In the form of JavaScript's `toISOString`. */
const TIMESTAMP = sql`to_char(${job.updatedAt} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const COMMON_FIELDS = sql`'job_id', ${job.id}, 'status', ${job.status}, 'progress', ${job.progress},
  'message', ${job.message}, 'timestamp', ${TIMESTAMP}`
const OUTPUT_FIELDS = sql`'output_url', ${job.output} -> 'output_url', 'output_type', ${job.output} -> 'output_type',
  'files_uploaded', ${job.output} -> 'files_uploaded', 'bytes', ${job.output} -> 'bytes'`
const ERROR = sql`case when ${job.errorCode} is not null
  then json_build_object('code', ${job.errorCode}, 'message', coalesce(${job.errorMessage}, '')) end`

/**
 * The body of a progress event, from a row `job`: a `ProgressEvent`, its fields in order, without those that are
 * unknown.
 */
const PROGRESS_BODY = sql<StoredProgress['body']>`case when ${job.status} = 'completed'
  then json_build_object(${COMMON_FIELDS}, ${OUTPUT_FIELDS}, 'media_info', ${job.mediaInfo})
  else json_strip_nulls(json_build_object(${COMMON_FIELDS},
    'fps', ${job.fps}, 'speed', ${job.speed}, 'eta_sec', ${job.etaSec}, 'error', ${ERROR})) end`

/** Returns the insert of the progress events of jobs; `changed` has the `PROGRESS_COLUMNS` of each. */
export function insertProgressQuery(db: DbOrTx, changed: SQL) {
  return db
    .insert(jobUpdates)
    .select(sql`select ${job.id}, ${job.lastSeq}, ${PROGRESS_BODY}, now() from ${changed} as job`)
}

/** Inserts the progress events of jobs that this transaction has changed. */
export async function insertProgressEvents(tx: Tx, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return
  await insertEventsQuery(jobIds.length)(tx, Object.fromEntries(jobIds.map((id, i) => [`id${i}`, id])))
}

const insertEventsQuery = keepByKey((count: number) => {
  const ids = Array.from({ length: count }, (_, i) => sql`${sql.placeholder(`id${i}`)}`)
  const changed = sql`(select * from ${jobs} where ${jobs.id} in (${sql.join(ids, sql`, `)}))`
  return prepareQuery('insert_progress', (db) => insertProgressQuery(db, changed))
})

/** Returns the newest progress event of a job, from its current row, and its status; `null`: there is no such job. */
export async function readCurrentProgress(
  db: DbOrTx,
  jobId: string,
): Promise<(StoredProgress & { readonly status: JobStatus }) | null> {
  const [row] = await db
    .select({ seq: job.lastSeq, status: job.status, body: PROGRESS_BODY })
    .from(job)
    .where(eq(job.id, jobId))
  return row ?? null
}

/** Returns the progress events of a job after a number, in order. */
export function listProgressEvents(db: Db, jobId: string, afterSeq: number, limit: number): Promise<StoredProgress[]> {
  return db
    .select({ seq: jobUpdates.seq, body: jobUpdates.body })
    .from(jobUpdates)
    .where(and(eq(jobUpdates.jobId, jobId), gt(jobUpdates.seq, afterSeq)))
    .orderBy(asc(jobUpdates.seq))
    .limit(limit)
}

/** How long after a job's end its events are kept; the last one is kept for good. */
const KEPT_HOURS = 24

/** Deletes the progress events of jobs that ended more than 24 hours ago, except the last one of each. */
export async function deleteOldProgress(db: Db): Promise<void> {
  const ended = db
    .select({ id: jobs.id })
    .from(jobs)
    .where(lt(jobs.endedAt, sql`now() - make_interval(hours => ${KEPT_HOURS})`))
  await db
    .delete(jobUpdates)
    .where(
      and(
        inArray(jobUpdates.jobId, ended),
        sql`${jobUpdates.seq} < (select ${jobs.lastSeq} from ${jobs} where ${jobs.id} = ${jobUpdates.jobId})`,
      ),
    )
}
