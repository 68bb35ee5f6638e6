import { and, desc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm'

import type { Db } from '../../ports/database.ts'
import { jobs, jobTasks } from '../schema.ts'

/** Returns the positions of waiting jobs in the queue, by id: 1 is the next. */
export async function readQueuePositions(db: Db, jobIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (jobIds.length === 0) return new Map()
  const order = sql`${jobTasks.priority} desc, ${jobTasks.dueAt}, ${jobTasks.position}, ${jobTasks.id}`
  const queue = db
    .select({ id: jobTasks.id, place: sql<number>`(row_number() over (order by ${order}))::int`.as('place') })
    .from(jobTasks)
    .where(and(eq(jobTasks.status, 'waiting'), sql`${jobTasks.task} <> 'sweep'`))
    .as('queue')
  const rows = await db
    .select({ id: queue.id, place: queue.place })
    .from(queue)
    .where(inArray(queue.id, [...jobIds]))
  return new Map(rows.map(({ id, place }) => [id, place]))
}

/** How many jobs the mean duration is taken of. */
const SAMPLE_SIZE = 20

/**
 * Returns how long a job takes, in seconds: the mean of the jobs completed last. Before any is completed, the mean that
 * the progress of running jobs suggests; `null`: no job has started.
 */
export async function estimateDurationSec(db: Db): Promise<number | null> {
  const tookSec = sql<number>`extract(epoch from ${jobs.endedAt} - ${jobs.startedAt})`
  const projectedSec = sql<number>`extract(epoch from now() - ${jobs.startedAt}) * 100 / greatest(${jobs.progress}, 1)`
  const completed = db
    .select({ sec: tookSec.as('sec') })
    .from(jobs)
    .where(and(eq(jobs.status, 'completed'), isNotNull(jobs.endedAt)))
    .orderBy(desc(jobs.endedAt))
    .limit(SAMPLE_SIZE)
    .as('completed')
  const running = db
    .select({ sec: projectedSec.as('sec') })
    .from(jobs)
    .where(and(isNull(jobs.endedAt), isNotNull(jobs.startedAt)))
    .limit(SAMPLE_SIZE)
    .as('running')
  const meanOf = (sec: typeof completed.sec) => sql<number | null>`avg(${sec})::float8`
  const [past, current] = await Promise.all([
    db.select({ sec: meanOf(completed.sec) }).from(completed),
    db.select({ sec: meanOf(running.sec) }).from(running),
  ])
  return past[0]?.sec ?? current[0]?.sec ?? null
}
