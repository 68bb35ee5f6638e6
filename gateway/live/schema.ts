import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

import type { EncodedRung } from '../../shared/contract/live.ts'
import type { TargetState } from '../../shared/contract/live-targets.ts'
import type { ColdClass } from '../../shared/contract/stores.ts'
import { createdAt, moment } from './account-schema.ts'
import type { ArchiveStatus } from './rules/archive-status.ts'
import type { Visibility } from './rules/visibility.ts'
import { streamOf, userOf } from './stream-schema.ts'

export * from './account-schema.ts'
export * from './chat-schema.ts'
export * from './follow-schema.ts'
export * from './moderation-schema.ts'
export * from './notice-schema.ts'
export * from './stream-schema.ts'
export * from './tip-schema.ts'

/** One row per run of an encoder. One that goes on where the run before has ended has the same discontinuity number. */
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
    /** Its files are missing or incomplete: they could not be stored, or the making of the recording has found it. */
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

/** A clip of a broadcast, cut from its segments. Its recording, or else its broadcast, decides who may watch it. */
export const clips = pgTable(
  'clips',
  {
    clipId: uuid('clip_id').primaryKey(),
    streamId: streamOf('stream_id').notNull(),
    makerId: userOf('maker_id').notNull(),
    title: text('title').notNull(),
    status: text('status').$type<ArchiveStatus>().notNull(),
    /** The segments that it lies in, and its begin in seconds from that of the first one. */
    firstSeq: integer('first_seq').notNull(),
    lastSeq: integer('last_seq').notNull(),
    startSec: doublePrecision('start_sec').notNull(),
    durationSec: doublePrecision('duration').notNull(),
    /** Bytes of its file; `null` until it is made. */
    fileSize: bigint('file_size', { mode: 'number' }),
    error: text('error'),
    createdAt: createdAt(),
  },
  (table) => [
    index('clips_by_stream').on(table.streamId, table.clipId),
    index('clips_by_maker').on(table.makerId, table.clipId),
    index('clips_unfinished')
      .on(table.clipId)
      .where(sql`status = 'processing'`),
  ],
)
