import { boolean, index, integer, json, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { sql } from 'drizzle-orm'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/**
 * One row per unit of work for a worker, such as a monitor or a task of a job. The row outlives its workers; calls of
 * another process than that of the current epoch are refused.
 */
export const assignments = pgTable(
  'assignments',
  {
    id: text('id').primaryKey(),
    kind: text('kind').notNull(),
    /** Raised by each claim; calls of an older epoch are refused. */
    epoch: integer('epoch').notNull().default(0),
    /** The highest call number of this epoch that was counted. */
    seq: integer('seq').notNull().default(0),
    /** Attempts since the worker was last stable; the assignment ends at the limit. */
    attempts: integer('attempts').notNull().default(0),
    /** Recorded restarts of the current worker by its launcher. */
    restarts: integer('restarts').notNull().default(0),
    /** Number of the current launch: a change that is about one launch must not affect the next. */
    launch: integer('launch').notNull().default(0),
    /** The worker of the current launch has been seen. */
    isLaunched: boolean('is_launched').notNull().default(false),
    /** When the next worker may be launched; null while one is running or the assignment has ended. */
    launchAt: moment('launch_at'),
    /** When the current worker was launched, by which launcher, and when it claimed. */
    launchedAt: moment('launched_at'),
    launchedBy: text('launched_by'),
    claimedAt: moment('claimed_at'),
    /** Name of the reused worker, which was launched for another assignment; null: the worker of its own launch. */
    host: text('host'),
    /** The processes that have claimed, by the names that they generated, the newest last. */
    claimants: text('claimants')
      .array()
      .notNull()
      .default(sql`'{}'`),
    /** End of the current worker's lease: set by the launch, and renewed by each call. */
    leaseUntil: moment('lease_until'),
    /** State that the next worker resumes from; opaque to the gateway. */
    resume: json('resume').$type<unknown>(),
    createdAt: moment('created_at').notNull().defaultNow(),
    endedAt: moment('ended_at'),
  },
  (table) => [
    index('assignments_launch')
      .on(table.launchAt)
      .where(sql`ended_at is null and launch_at is not null`),
    /** Most assignments have ended; the periodic work reads the others only. */
    index('assignments_active')
      .on(table.id)
      .where(sql`ended_at is null`),
  ],
)
