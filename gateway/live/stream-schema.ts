/** The table of broadcasts, a part of `schema.ts`. */

import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, json, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

import type { BroadcastHealth, IngestSource, Latency, PublisherFacts } from '../../shared/contract/live.ts'
import { createdAt, moment, users } from './account-schema.ts'
import type { BroadcastState } from './rules/broadcast-state.ts'
import type { TakeDown } from './rules/take-down.ts'
import type { Visibility } from './rules/visibility.ts'

/** Returns a column with the id of a user, whose deletion deletes the row. */
export const userOf = (name: string) => uuid(name).references(() => users.userId, { onDelete: 'cascade' })

/** One row per broadcast, with what its ingest and its live worker last reported. */
export const streams = pgTable(
  'streams',
  {
    streamId: uuid('stream_id').primaryKey(),
    userId: userOf('user_id').notNull(),
    title: text('title').notNull(),
    description: text('description').notNull(),
    category: text('category').notNull(),
    tags: text('tags').array().notNull(),
    visibility: text('visibility').$type<Visibility>().notNull(),
    latency: text('latency').$type<Latency>().notNull(),
    /** Whether an archive is kept. */
    isRecorded: boolean('is_recorded').notNull(),
    /** Whether its chat is kept with the archive. */
    keepsChat: boolean('keeps_chat').notNull().default(true),
    /** It is not recorded because the storage of its owner was full when it started. */
    isOutOfRoom: boolean('is_out_of_room').notNull().default(false),
    /** How far viewers may go back while it is live, in seconds. */
    dvrSec: integer('dvr_sec').notNull(),
    /** The first segment that viewers may go back to, however long the window has become since. */
    windowFromSeq: integer('window_from_seq').notNull().default(0),
    state: text('state').$type<BroadcastState>().notNull(),
    /** SHA-256 of the stream key, in hex. */
    keyHash: text('key_hash').notNull(),
    /** UDP port of its listener for SRT until it has ended; `null`: it has none. */
    srtPort: integer('srt_port'),
    /** Folder of its files in the store, with a slash at its end. */
    folder: text('folder').notNull(),
    scheduledFor: moment('scheduled_for'),
    startedAt: moment('started_at'),
    endedAt: moment('ended_at'),
    /** Why it has ended, for its owner. */
    endReason: text('end_reason'),
    /** When no more segments can come: its worker has reported the last one, or is gone. */
    closedAt: moment('closed_at'),
    /** Since when no encoder publishes; `null` while one does, and before the first one. */
    reconnectingSince: moment('reconnecting_since'),
    viewerCount: integer('viewer_count').notNull().default(0),
    peakViewers: integer('peak_viewers').notNull().default(0),

    /** The encoder that publishes: its session, the assignment of its ingest worker, and when that last reported it. */
    publisherSession: uuid('publisher_session'),
    /** The last session that was admitted, until all of it is stored. */
    lastSession: uuid('last_session'),
    /** The encoders of the last sessions that are not stored to their ends, the oldest first. */
    unfinishedSources: jsonb('unfinished_sources').$type<readonly IngestSource[]>().notNull().default([]),
    publisherIngest: text('publisher_ingest'),
    publisherSource: json('publisher_source').$type<IngestSource>(),
    publisherSeenAt: moment('publisher_seen_at'),
    publisherFacts: json('publisher_facts').$type<PublisherFacts>(),

    /** Where the stored segments end, and what the next one is numbered. */
    knownSession: uuid('known_session'),
    knownUntilMs: bigint('known_until_ms', { mode: 'number' }),
    nextSeq: integer('next_seq').notNull().default(0),
    /** When its live worker last reported a segment. */
    segmentSeenAt: moment('segment_seen_at'),
    /** Discontinuity sequence number of the newest encoder run (RFC 8216 §4.3.3.3); −1 before the first. */
    discontinuity: integer('discontinuity').notNull().default(-1),
    partsUrl: text('parts_url'),
    partsEpoch: integer('parts_epoch'),
    health: json('health').$type<BroadcastHealth>(),
    poster: integer('poster'),
    /** Bytes of its stored segments in all rungs, and when its files were handed to the cleanup. */
    storedBytes: bigint('stored_bytes', { mode: 'number' }).notNull().default(0),
    discardedAt: moment('discarded_at'),
    /** Its recording was taken down by a moderator; `null`: it was not. */
    takeDown: json('take_down').$type<TakeDown>(),

    /** The monitor that watches it, the last attempt to create one, and its open alerts: since when, by kind. */
    monitorId: text('monitor_id'),
    watchTriedAt: moment('watch_tried_at'),
    alerts: jsonb('alerts').$type<Readonly<Record<string, string>>>().notNull().default({}),
    /** The ids of the newest events of the monitor that were applied: one that is repeated changes nothing. */
    appliedEvents: text('applied_events')
      .array()
      .notNull()
      .default(sql`'{}'`),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('streams_key_hash_key').on(table.keyHash),
    uniqueIndex('streams_srt_port_key')
      .on(table.srtPort)
      .where(sql`state <> 'ended'`),
    index('streams_by_user').on(table.userId, table.streamId),
    index('streams_by_state').on(table.state, table.streamId),
    index('streams_by_category').on(table.category, table.streamId),
    index('streams_scheduled')
      .on(table.scheduledFor)
      .where(sql`state = 'scheduled'`),
    index('streams_taken_down')
      .on(table.streamId)
      .where(sql`take_down is not null`),
    index('streams_kept')
      .on(table.closedAt)
      .where(sql`discarded_at is null and started_at is not null`),
    index('streams_open')
      .on(table.publisherIngest)
      .where(sql`closed_at is null and started_at is not null`),
    index('streams_publishing')
      .on(table.publisherSession)
      .where(sql`publisher_session is not null`),
    index('streams_unclosed')
      .on(table.endedAt)
      .where(sql`closed_at is null and state = 'ended'`),
    index('streams_watched')
      .on(table.monitorId)
      .where(sql`monitor_id is not null`),
  ],
)

/** Returns a column with the id of a broadcast, whose deletion deletes the row. */
export const streamOf = (name: string) => uuid(name).references(() => streams.streamId, { onDelete: 'cascade' })

/** Monitors that watch no broadcast any more, until the monitors service has stopped them. */
export const unneededMonitors = pgTable('unneeded_monitors', {
  monitorId: text('monitor_id').primaryKey(),
  /** When they may be stopped; while a gateway does, when the next one tries. */
  dueAt: moment('due_at').notNull().defaultNow(),
})
