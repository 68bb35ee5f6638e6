import { and, eq, inArray, sql } from 'drizzle-orm'

import type { Db } from '../../context.ts'
import { jobTasks } from '../schema.ts'

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
