import { sql } from 'drizzle-orm'
import { index, json, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'

import type { MonitorConfig, MonitorHealth, MonitorStatistics, StreamStatus } from '../../shared/contract/monitors.ts'
import type { MonitorStatus } from './status.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const monitors = pgTable(
  'monitors',
  {
    id: text('id').primaryKey(),
    /** Key of the stream: equal for every spelling of its URL. */
    streamKey: text('stream_key').notNull(),
    streamUrl: text('stream_url').notNull(),
    callbackUrl: text('callback_url').notNull(),
    status: text('status').$type<MonitorStatus>().notNull(),
    streamStatus: text('stream_status').$type<StreamStatus>().notNull().default('unknown'),
    title: text('title'),
    health: json('health').$type<MonitorHealth>().notNull(),
    statistics: json('statistics').$type<MonitorStatistics>().notNull(),
    config: json('config').$type<MonitorConfig>().notNull(),
    /** `json`, not `jsonb`: the user's text is returned unchanged, with its escapes. */
    metadata: json('metadata').$type<Record<string, unknown>>().notNull(),
    /** Why the monitor is in `error`. */
    errorReason: text('error_reason'),
    /** The trace of the request that created it, which all its operations belong to. */
    traceparent: text('traceparent'),
    /** When a scheduled monitor starts, and when it stops without a live stream: indexed copies of the config. */
    startAt: moment('start_at'),
    giveUpAt: moment('give_up_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    endedAt: moment('ended_at'),
  },
  (table) => [
    uniqueIndex('monitors_one_active_per_stream')
      .on(table.streamKey)
      .where(sql`ended_at is null`),
    index('monitors_by_status').on(table.status, table.id),
    index('monitors_to_start')
      .on(table.startAt)
      .where(sql`status = 'scheduled'`),
    index('monitors_to_give_up')
      .on(table.giveUpAt)
      .where(sql`ended_at is null and give_up_at is not null`),
  ],
)
