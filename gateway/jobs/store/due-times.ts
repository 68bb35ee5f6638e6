import { sql } from 'drizzle-orm'

import { dueAt, dueWhile, type DueInMs } from '../../database/due-times.ts'
import { jobs, jobTasks } from '../schema.ts'

/** Tasks wait to be started, due or not. */
export const TASKS_WAIT: DueInMs = dueWhile(sql`exists (select from ${jobTasks} where ${jobTasks.status} = 'waiting')`)

/** Ended jobs have tasks that have not ended, cleanups left out; see `listEndedJobsWithOpenTasks`. */
export const TASKS_ARE_ORPHANED: DueInMs = dueWhile(sql`exists (
  select from ${jobTasks} join ${jobs} on ${jobs.id} = ${jobTasks.jobId}
  where ${jobTasks.status} in ('waiting', 'running') and ${jobTasks.task} <> 'sweep' and ${jobs.endedAt} is not null)`)

/** When the first deadline of a job passes. */
export const DEADLINE_DUE_IN_MS: DueInMs = dueAt(sql`(
  select min(${jobs.deadlineAt}) from ${jobs} where ${jobs.endedAt} is null and ${jobs.deadlineAt} is not null)`)
