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
  TaskSpec,
  JobOutput,
  MediaInfo,
  ValidationResult,
} from '../../shared/contract/jobs.ts'
import type { StorageKind } from '../../shared/contract/stores.ts'
import type { OutputType, Preset } from '../../shared/contract/presets.ts'
import type { JobStatus, TaskStatus } from './status.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/** Jobs: each encodes one input to one output. */
export const jobs = pgTable(
  'jobs',
  {
    id: text('id').primaryKey(),
    status: text('status').$type<JobStatus>().notNull(),
    inputUrl: text('input_url').notNull(),
    presetName: text('preset_name').notNull(),
    /** As it was when the job was created: presets may change while it waits. */
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
    /** `json`, not `jsonb`, which keeps the client's text with its escapes. */
    metadata: json('metadata').$type<Record<string, unknown>>().notNull(),
    /** The trace of the request that created the job; its tasks and webhooks belong to it. */
    traceparent: text('traceparent'),
    /** 0–100, of the whole job; never decreases. */
    progress: real('progress').notNull().default(0),
    message: text('message').notNull(),
    fps: real('fps'),
    speed: real('speed'),
    etaSec: real('eta_sec'),
    mediaInfo: json('media_info').$type<MediaInfo>(),
    validation: json('validation').$type<ValidationResult>(),
    output: json('output').$type<JobOutput>(),
    /** The chunks that it was split into; `null`: it was not split. */
    plan: json('plan').$type<ChunkPlan>(),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** Files of it may be in the store. */
    hasStored: boolean('has_stored').notNull().default(false),
    /** The number of its newest progress event. */
    lastSeq: integer('last_seq').notNull().default(0),
    createdAt: moment('created_at').notNull().defaultNow(),
    startedAt: moment('started_at'),
    /** When it fails with a timeout: `timeout_sec` after its start. */
    deadlineAt: moment('deadline_at'),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    endedAt: moment('ended_at'),
  },
  (table) => [
    index('jobs_by_status').on(table.status, table.id),
    index('jobs_by_deadline')
      .on(table.deadlineAt)
      .where(sql`ended_at is null and deadline_at is not null`),
    /** Ended jobs only: a query for active jobs must not use it, since it finds them by id. */
    index('jobs_by_end')
      .on(table.endedAt)
      .where(sql`ended_at is not null`),
  ],
)

/** Tasks of jobs; each has an assignment, and so one worker at a time, once it is started. */
export const jobTasks = pgTable(
  'job_tasks',
  {
    /** Also the id of its assignment; the first task of a job has the job's id. */
    id: text('id').primaryKey(),
    jobId: text('job_id')
      .notNull()
      .references(() => jobs.id),
    /** The `sweep` of a completed job is a `tidy` to its worker. */
    task: text('task').$type<Exclude<TaskSpec['task'], 'tidy'>>().notNull(),
    chunk: json('chunk').$type<Chunk>(),
    status: text('status').$type<TaskStatus>().notNull().default('waiting'),
    priority: integer('priority').notNull(),
    /** The place that it writes to: no two jobs write to one place at a time. */
    outputKey: text('output_key').notNull(),
    /** 0–100, of this task. */
    progress: real('progress').notNull().default(0),
    fps: real('fps'),
    speed: real('speed'),
    /** When it may start; the oldest of a priority starts first. */
    dueAt: moment('due_at').notNull(),
    /** The index of a chunk; of a cleanup, how often it was tried before. */
    position: integer('position').notNull().default(0),
  },
  (table) => [
    /** Waiting tasks; worded as `takeTasksQuery` words it. */
    index('job_tasks_waiting')
      .on(table.priority.desc(), table.dueAt, table.position)
      .where(sql`status <> 'running' and status <> 'ended'`),
    index('job_tasks_open')
      .on(table.outputKey)
      .where(sql`status in ('waiting', 'running')`),
    /** Rejects two tasks that start for one place at the same moment; chunks of a job write beside each other. */
    uniqueIndex('job_tasks_place')
      .on(table.outputKey)
      .where(sql`status = 'running' and task in ('encode', 'sweep')`),
    index('job_tasks_by_job').on(table.jobId),
  ],
)

/** Progress events of jobs, numbered: a subscriber reads on from the last number that it has. */
export const jobUpdates = pgTable(
  'job_updates',
  {
    /** No foreign key: jobs are never deleted, and Postgres would check each insert. */
    jobId: text('job_id').notNull(),
    seq: integer('seq').notNull(),
    body: json('body').$type<Record<string, unknown>>().notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.jobId, table.seq] })],
)
