import { sql } from 'drizzle-orm'
import {
  boolean,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  real,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

import type {
  Chunk,
  ChunkPlan,
  Clip,
  JobOrder,
  JobOutput,
  MediaInfo,
  StorageKind,
  ValidationResult,
} from '../../shared/contract/jobs.ts'
import type { OutputType, Preset } from '../../shared/contract/presets.ts'
import type { JobStatus, TaskStatus } from './status.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/** One input that is to become one output. */
export const jobs = pgTable(
  'jobs',
  {
    id: text('id').primaryKey(),
    status: text('status').$type<JobStatus>().notNull(),
    inputUrl: text('input_url').notNull(),
    presetName: text('preset_name').notNull(),
    /** As it was when the job was made: presets may change while it waits. */
    preset: json('preset').$type<Preset>().notNull(),
    storage: text('storage').$type<StorageKind>().notNull(),
    path: text('path').notNull(),
    outputType: text('output_type').$type<OutputType>().notNull(),
    callbackUrl: text('callback_url'),
    priority: integer('priority').notNull(),
    timeoutSec: integer('timeout_sec').notNull(),
    chunks: json('chunks').$type<number | 'auto'>().notNull(),
    clip: json('clip').$type<Clip>(),
    thumbnails: boolean('thumbnails').notNull(),
    /** `json`, not `jsonb`: the user's text comes back as it was, whatever escapes it holds. */
    metadata: json('metadata').$type<Record<string, unknown>>().notNull(),
    /** The trace of the request that made it; what it causes belongs to it. */
    traceparent: text('traceparent'),
    /** 0–100, of the whole job; never goes back. */
    progress: real('progress').notNull().default(0),
    message: text('message').notNull(),
    fps: real('fps'),
    speed: real('speed'),
    etaSec: real('eta_sec'),
    mediaInfo: json('media_info').$type<MediaInfo>(),
    validation: json('validation').$type<ValidationResult>(),
    output: json('output').$type<JobOutput>(),
    /** How it was split; `null`: it was not. */
    plan: json('plan').$type<ChunkPlan>(),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** Something of it may lie in the store. */
    hasStored: boolean('has_stored').notNull().default(false),
    /** The number of its newest update. */
    lastSeq: integer('last_seq').notNull().default(0),
    createdAt: moment('created_at').notNull().defaultNow(),
    startedAt: moment('started_at'),
    /** When it is given up: so long after its start as its time-out allows. */
    deadlineAt: moment('deadline_at'),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    endedAt: moment('ended_at'),
  },
  (table) => [
    index('jobs_by_status').on(table.status, table.id),
    index('jobs_by_deadline')
      .on(table.deadlineAt)
      .where(sql`ended_at is null and deadline_at is not null`),
    /** Of those that have ended: who changes one that has not finds it by its id. */
    index('jobs_by_end')
      .on(table.endedAt)
      .where(sql`ended_at is not null`),
  ],
)

/** The pieces of work of a job, each an assignment of one worker at a time once it is started. */
export const jobTasks = pgTable(
  'job_tasks',
  {
    /** The assignment's; the first task of a job has the job's own. */
    id: text('id').primaryKey(),
    jobId: text('job_id')
      .notNull()
      .references(() => jobs.id),
    /** The `sweep` of a completed job is to `tidy` only. */
    task: text('task').$type<Exclude<JobOrder['task'], 'tidy'>>().notNull(),
    chunk: json('chunk').$type<Chunk>(),
    status: text('status').$type<TaskStatus>().notNull().default('waiting'),
    priority: integer('priority').notNull(),
    /** What it writes to: no two jobs write to the same place at a time. */
    outputKey: text('output_key').notNull(),
    /** 0–100, of this task. */
    progress: real('progress').notNull().default(0),
    fps: real('fps'),
    speed: real('speed'),
    /** It may be started from then on; the oldest of a priority goes first. */
    dueAt: moment('due_at').notNull(),
    /** The number of the piece among its like, so that pieces go in order. */
    position: integer('position').notNull().default(0),
  },
  (table) => [
    /** Of those that wait; see `takeUpdate` for the wording. */
    index('job_tasks_waiting')
      .on(table.priority.desc(), table.dueAt, table.position)
      .where(sql`status <> 'running' and status <> 'ended'`),
    index('job_tasks_open')
      .on(table.outputKey)
      .where(sql`status in ('waiting', 'running')`),
    /** Whoever starts two at the same moment is told so; the pieces of a job write beside one another. */
    uniqueIndex('job_tasks_place')
      .on(table.outputKey)
      .where(sql`status = 'running' and task in ('encode', 'sweep')`),
    index('job_tasks_by_job').on(table.jobId),
  ],
)

/** What was told of a job, in order: whoever follows it reads on from the last number that he has. */
export const jobUpdates = pgTable(
  'job_updates',
  {
    /** Of a job that is there: none is ever removed, and Postgres would look each time. */
    jobId: text('job_id').notNull(),
    seq: integer('seq').notNull(),
    body: json('body').$type<Record<string, unknown>>().notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.seq] })],
)
