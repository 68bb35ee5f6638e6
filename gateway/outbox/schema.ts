import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'

import type { DeliveryPolicy } from './retry-schedule.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/**
 * A lane is the queue of one subject's webhooks, which are delivered in order. Its row is the lock for numbering events,
 * and the lease of the gateway that delivers them.
 */
export const outboxLanes = pgTable(
  'outbox_lanes',
  {
    subject: text('subject').primaryKey(),
    /** The number of the newest event. */
    lastSeq: integer('last_seq').notNull().default(0),
    /** How many events still wait for their delivery. */
    pending: integer('pending').notNull().default(0),
    /** When the oldest pending event may be tried; null where nothing is pending. */
    dueAt: moment('due_at'),
    /** The gateway that delivers the lane, and the end of its lease. */
    lockedBy: text('locked_by'),
    lockedUntil: moment('locked_until'),
  },
  (table) => [
    index('outbox_lanes_due')
      .on(table.dueAt)
      .where(sql`due_at is not null`),
  ],
)

export type DeliveryStatus = 'pending' | 'delivered' | 'failed'

/** One webhook. Its bytes never change; the state of its delivery does. */
export const outboxEvents = pgTable(
  'outbox_events',
  {
    eventId: text('event_id').primaryKey(),
    subject: text('subject')
      .notNull()
      .references(() => outboxLanes.subject),
    seq: integer('seq').notNull(),
    eventType: text('event_type').notNull(),
    url: text('url').notNull(),
    /** The trace of its subject. */
    traceparent: text('traceparent'),
    /** The exact body of every attempt. */
    body: text('body').notNull(),
    policy: text('policy').$type<DeliveryPolicy>().notNull(),
    /** The id of the secret that signs it; null: `WEBHOOK_SIGNING_KEY` does. */
    signingKeyId: text('signing_key_id'),
    status: text('status').$type<DeliveryStatus>().notNull().default('pending'),
    /** Attempts since the event was created, or since its last redelivery. */
    attempts: integer('attempts').notNull().default(0),
    /** How often a user requested a redelivery. The failure of a redelivery affects this event only. */
    redeliveries: integer('redeliveries').notNull().default(0),
    lastAttemptAt: moment('last_attempt_at'),
    lastError: text('last_error'),
    deliveredAt: moment('delivered_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    unique('outbox_events_order').on(table.subject, table.seq),
    index('outbox_events_pending')
      .on(table.subject, table.seq)
      .where(sql`status = 'pending'`),
  ],
)
