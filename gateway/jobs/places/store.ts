import { and, desc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm'

import type { Db } from '../../context.ts'
import { jobs, jobTasks } from '../schema.ts'

/** The places of waiting jobs in the queue, by id: 1 is the next. */
export async function readPlaces(db: Db, jobIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (jobIds.length === 0) return new Map()
  const first = sql`${jobTasks.priority} desc, ${jobTasks.dueAt}, ${jobTasks.position}, ${jobTasks.id}`
  const queue = db
    .select({ id: jobTasks.id, place: sql<number>`(row_number() over (order by ${first}))::int`.as('place') })
    .from(jobTasks)
    .where(and(eq(jobTasks.status, 'waiting'), sql`${jobTasks.task} <> 'sweep'`))
    .as('queue')
  const rows = await db
    .select({ id: queue.id, place: queue.place })
    .from(queue)
    .where(inArray(queue.id, [...jobIds]))
  return new Map(rows.map(({ id, place }) => [id, place]))
}

/** Of so many jobs, the last ones, the mean is taken. */
const JOBS_LOOKED_AT = 20

/**
 * How long a job takes, in seconds: the mean of those that were completed last; before any was, of those that run, by how
 * far they are in the time since their start; `null` before any has started.
 */
export async function estimateDurationSec(db: Db): Promise<number | null> {
  const tookSec = sql<number>`extract(epoch from ${jobs.endedAt} - ${jobs.startedAt})`
  const runsForSec = sql<number>`extract(epoch from now() - ${jobs.startedAt}) * 100 / greatest(${jobs.progress}, 1)`
  const completed = db
    .select({ sec: tookSec.as('sec') })
    .from(jobs)
    .where(and(eq(jobs.status, 'completed'), isNotNull(jobs.endedAt)))
    .orderBy(desc(jobs.endedAt))
    .limit(JOBS_LOOKED_AT)
    .as('completed')
  const running = db
    .select({ sec: runsForSec.as('sec') })
    .from(jobs)
    .where(and(isNull(jobs.endedAt), isNotNull(jobs.startedAt)))
    .limit(JOBS_LOOKED_AT)
    .as('running')
  const meanOf = (sec: typeof completed.sec) => sql<number | null>`avg(${sec})::float8`
  const [past, present] = await Promise.all([
    db.select({ sec: meanOf(completed.sec) }).from(completed),
    db.select({ sec: meanOf(running.sec) }).from(running),
  ])
  return past[0]?.sec ?? present[0]?.sec ?? null
}
