import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

import type { BroadcastHealth, EncodedRung, IngestSource, Latency, PublisherFacts } from '../../shared/contract/live.ts'
import type { TargetState } from '../../shared/contract/live-targets.ts'
import type { ColdClass } from '../../shared/contract/stores.ts'
import { createdAt, moment, users } from './account-schema.ts'
import type { ArchiveStatus } from './rules/archive-status.ts'
import type { BroadcastState } from './rules/broadcast-state.ts'
import type { Visibility } from './rules/visibility.ts'

export * from './account-schema.ts'

const userOf = (name: string) => uuid(name).references(() => users.userId, { onDelete: 'cascade' })

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
    /** It is not recorded because the storage of its owner was full when it started. */
    isOutOfRoom: boolean('is_out_of_room').notNull().default(false),
    /** How far viewers may go back while it is live, in seconds. */
    dvrSec: integer('dvr_sec').notNull(),
    state: text('state').$type<BroadcastState>().notNull(),
    /** SHA-256 of the stream key, in hex. */
    keyHash: text('key_hash').notNull(),
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
    /** The last session that was admitted, whether or not it still publishes. */
    lastSession: uuid('last_session'),
    publisherIngest: text('publisher_ingest'),
    publisherSource: json('publisher_source').$type<IngestSource>(),
    publisherSeenAt: moment('publisher_seen_at'),
    publisherFacts: json('publisher_facts').$type<PublisherFacts>(),

    /** Where the stored segments end, and what the next one is numbered. */
    knownSession: uuid('known_session'),
    knownUntilMs: bigint('known_until_ms', { mode: 'number' }),
    nextSeq: integer('next_seq').notNull().default(0),
    /** Discontinuity sequence number of the newest encoder run (RFC 8216 §4.3.3.3); −1 before the first. */
    discontinuity: integer('discontinuity').notNull().default(-1),
    partsUrl: text('parts_url'),
    partsEpoch: integer('parts_epoch'),
    health: json('health').$type<BroadcastHealth>(),
    poster: integer('poster'),
    /** Bytes of its stored segments in all rungs, and when its files were handed to the cleanup. */
    storedBytes: bigint('stored_bytes', { mode: 'number' }).notNull().default(0),
    discardedAt: moment('discarded_at'),

    /** The monitor that watches it, the last attempt to create one, and its open alerts: since when, by kind. */
    monitorId: text('monitor_id'),
    watchTriedAt: moment('watch_tried_at'),
    alerts: jsonb('alerts').$type<Readonly<Record<string, string>>>().notNull().default({}),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('streams_key_hash_key').on(table.keyHash),
    index('streams_by_user').on(table.userId, table.streamId),
    index('streams_by_state').on(table.state, table.streamId),
    index('streams_kept')
      .on(table.closedAt)
      .where(sql`discarded_at is null and started_at is not null`),
    index('streams_open')
      .on(table.publisherIngest)
      .where(sql`closed_at is null and started_at is not null`),
  ],
)

const streamOf = (name: string) => uuid(name).references(() => streams.streamId, { onDelete: 'cascade' })

/** One row per run of an encoder. Each run begins with a discontinuity. */
export const encoderRuns = pgTable(
  'encoder_runs',
  {
    streamId: streamOf('stream_id').notNull(),
    epoch: integer('epoch').notNull(),
    run: integer('run').notNull(),
    /** Discontinuity sequence number of its segments. */
    discontinuity: integer('discontinuity').notNull(),
    /** The session of the encoder that it reads. */
    session: uuid('session').notNull(),
    rungs: json('rungs').$type<readonly EncodedRung[]>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.streamId, table.epoch, table.run] })],
)

/** One row per stored segment, the same of all rungs of its run. Playlists are queries of these rows. */
export const segments = pgTable(
  'stream_segments',
  {
    streamId: streamOf('stream_id').notNull(),
    /** Media sequence number (RFC 8216 §4.3.3.2): 0, 1, 2, … without gaps. */
    seq: integer('seq').notNull(),
    epoch: integer('epoch').notNull(),
    run: integer('run').notNull(),
    /** Number within the epoch, as in the file's name. */
    n: integer('n').notNull(),
    durationSec: doublePrecision('duration_sec').notNull(),
    programDateTime: moment('program_date_time').notNull(),
    frames: integer('frames').notNull(),
    /** Bytes of each rung, in the order of the run's rungs. */
    bytes: integer('bytes').array().notNull(),
    /** Its files are missing or incomplete, as the making of the recording has found. */
    isMissing: boolean('is_missing').notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.streamId, table.seq] })],
)

/** Another platform that a broadcast is pushed to, with what its live worker last reported. */
export const streamTargets = pgTable(
  'stream_targets',
  {
    targetId: uuid('target_id').primaryKey(),
    streamId: streamOf('stream_id').notNull(),
    url: text('url').notNull(),
    /** The stream key of the platform, encrypted; `null` once the broadcast is closed. */
    sealedKey: text('sealed_key'),
    state: text('state').$type<TargetState>().notNull().default('waiting'),
    stateSince: moment('state_since').notNull().defaultNow(),
    problem: text('problem'),
    reason: text('reason'),
    bytesSent: bigint('bytes_sent', { mode: 'number' }).notNull().default(0),
    bitRateKbps: doublePrecision('bit_rate_kbps').notNull().default(0),
    createdAt: createdAt(),
  },
  (table) => [index('stream_targets_by_stream').on(table.streamId, table.targetId)],
)

/** Where encoders reach an ingest worker; its assignment has the same id. */
export const ingestServers = pgTable('ingest_servers', {
  ingestId: text('ingest_id').primaryKey(),
  rtmpPort: integer('rtmp_port').notNull(),
  rtmpsPort: integer('rtmps_port'),
  /** Where it takes offers of WHIP; `null`: it takes none. */
  whipUrl: text('whip_url'),
  seenAt: moment('seen_at').notNull().defaultNow(),
})

/** A viewer counts until its lease ends. */
export const viewers = pgTable(
  'viewers',
  {
    streamId: streamOf('stream_id').notNull(),
    viewerId: text('viewer_id').notNull(),
    leaseUntil: moment('lease_until').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.streamId, table.viewerId] }),
    index('viewers_by_lease').on(table.leaseUntil),
  ],
)

/** The titles of a broadcast on the air, each from a moment on. A broadcast whose title has not changed has none. */
export const streamTitles = pgTable(
  'stream_titles',
  {
    streamId: streamOf('stream_id').notNull(),
    since: moment('since').notNull().defaultNow(),
    title: text('title').notNull(),
  },
  (table) => [primaryKey({ columns: [table.streamId, table.since] })],
)

/** The most viewers of a broadcast in each minute on the air. */
export const viewerMinutes = pgTable(
  'viewer_minutes',
  {
    streamId: streamOf('stream_id').notNull(),
    minute: moment('minute').notNull(),
    viewers: integer('viewers').notNull(),
  },
  (table) => [primaryKey({ columns: [table.streamId, table.minute] })],
)

/**
 * Work on stored files that a worker has yet to do. A row is written with what it follows from, and deleted when it is done.
 * It outlives the broadcast: without `names` and `storageClass` the whole folder is removed.
 */
export const storageTasks = pgTable(
  'storage_tasks',
  {
    taskId: uuid('task_id').primaryKey(),
    /** `live/{stream_id}/`. */
    folder: text('folder').notNull(),
    /** Files below the folder that are removed. */
    names: text('names').array(),
    /** The class that the folder's files are moved to. */
    storageClass: text('storage_class').$type<ColdClass>(),
    dueAt: moment('due_at').notNull(),
    tries: integer('tries').notNull().default(0),
    problem: text('problem'),
    createdAt: createdAt(),
  },
  (table) => [index('storage_tasks_due').on(table.dueAt), index('storage_tasks_by_folder').on(table.folder)],
)

/** The recording of a broadcast. It outlives the broadcast's files only as its own. */
export const archives = pgTable(
  'archives',
  {
    archiveId: uuid('archive_id').primaryKey(),
    streamId: streamOf('stream_id').notNull(),
    userId: userOf('user_id').notNull(),
    title: text('title').notNull(),
    visibility: text('visibility').$type<Visibility>().notNull(),
    status: text('status').$type<ArchiveStatus>().notNull(),
    /** Duration in seconds and size in bytes; `null` until they are known. */
    durationSec: doublePrecision('duration'),
    fileSize: bigint('file_size', { mode: 'number' }),
    /** Video frames of its segments. */
    frames: integer('frames'),
    downloadUrl: text('download_url'),
    error: text('error'),
    /** When its files were handed over to be moved to a colder class. */
    cooledAt: moment('cooled_at'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('archives_stream_key').on(table.streamId),
    index('archives_by_user').on(table.userId, table.archiveId),
    index('archives_by_age').on(table.createdAt),
    index('archives_processing')
      .on(table.archiveId)
      .where(sql`status = 'processing'`),
  ],
)
