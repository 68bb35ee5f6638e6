import { boolean, index, integer, json, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { sql } from 'drizzle-orm'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/**
 * One row per piece of work that a worker is to do: a monitor, a part of a job, later a broadcast. The row outlives its
 * workers; the epoch tells which process of them may speak.
 */
export const assignments = pgTable(
  'assignments',
  {
    id: text('id').primaryKey(),
    kind: text('kind').notNull(),
    /** Raised by each claim; calls of an older one are refused. */
    epoch: integer('epoch').notNull().default(0),
    /** The highest call number of this epoch that was counted. */
    seq: integer('seq').notNull().default(0),
    /** Runs since the worker last proved stable; reaching the limit ends the assignment. */
    attempts: integer('attempts').notNull().default(0),
    /** How often the present worker's launcher has started it again by itself, as far as was noted. */
    restarts: integer('restarts').notNull().default(0),
    /** Counts the launches: what is done about one must not fall upon the next. */
    launch: integer('launch').notNull().default(0),
    /** The present launch is known to be done: its worker was there. */
    isLaunched: boolean('is_launched').notNull().default(false),
    /** When the next worker may be launched; null while one is running or the assignment has ended. */
    launchAt: moment('launch_at'),
    /** When the present worker was launched, by whom, and when it claimed. */
    launchedAt: moment('launched_at'),
    launchedBy: text('launched_by'),
    claimedAt: moment('claimed_at'),
    /** The worker that carries it, where that was launched for another assignment; null: the one of its own launch. */
    host: text('host'),
    /** The processes that have claimed, by the names they gave themselves, the newest last. */
    claimants: text('claimants')
      .array()
      .notNull()
      .default(sql`'{}'`),
    /** Until when the present worker counts as alive: from launch until it claims, then from call to call. */
    leaseUntil: moment('lease_until'),
    /** What the next worker resumes from; opaque here. */
    resume: json('resume').$type<unknown>(),
    createdAt: moment('created_at').notNull().defaultNow(),
    endedAt: moment('ended_at'),
  },
  (table) => [
    index('assignments_launch')
      .on(table.launchAt)
      .where(sql`ended_at is null and launch_at is not null`),
    /** Most assignments have ended; the periodic work looks at the others. */
    index('assignments_active')
      .on(table.id)
      .where(sql`ended_at is null`),
  ],
)
