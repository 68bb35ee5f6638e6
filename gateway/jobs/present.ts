import * as v from 'valibot'

import { Clip, JobOutput, MediaInfo, ValidationResult } from '../../shared/contract/jobs.ts'
import { StorageKind } from '../../shared/contract/stores.ts'
import {
  Container,
  listOutputTypes,
  OutputType,
  PresetAudio,
  PresetVideo,
  type Preset,
} from '../../shared/contract/presets.ts'
import type { Presets } from './settings.ts'
import { JOB_STATUSES } from './status.ts'
import type { Job, JobWithAttempts } from './store/jobs.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())
const Status = v.picklist(JOB_STATUSES)
const JobError = v.object({ code: v.string(), message: v.string() })

/** Answer to `POST /jobs`. */
export const CreatedJob = v.object({ job_id: v.string(), status: Status, stream_url: v.string() })
export type CreatedJob = v.InferOutput<typeof CreatedJob>

/** Position of a waiting job in the queue: 1 is the next. */
export const QueuePosition = v.object({ position: v.number(), estimated_start_at: v.nullable(Moment) })
export type QueuePosition = v.InferOutput<typeof QueuePosition>

const JobRequest = v.object({
  input_url: v.string(),
  preset: v.string(),
  output: v.object({
    storage: StorageKind,
    path: v.string(),
    type: OutputType,
    metadata: v.record(v.string(), v.unknown()),
  }),
  callback_url: v.nullable(v.string()),
  priority: v.number(),
  timeout_sec: v.number(),
  chunks: v.union([v.literal('auto'), v.number()]),
  clip: v.nullable(Clip),
  thumbnails: v.boolean(),
})

/** A job as the API shows it. */
export const PublicJob = v.object({
  job_id: v.string(),
  status: Status,
  progress: v.number(),
  message: v.string(),
  fps: v.nullable(v.number()),
  speed: v.nullable(v.number()),
  eta_sec: v.nullable(v.number()),
  attempts: v.number(),
  queue: v.nullable(QueuePosition),
  request: JobRequest,
  media_info: v.nullable(MediaInfo),
  validation: v.nullable(ValidationResult),
  output: v.nullable(JobOutput),
  error: v.nullable(JobError),
  created_at: Moment,
  started_at: v.nullable(Moment),
  updated_at: Moment,
  ended_at: v.nullable(Moment),
})
export type PublicJob = v.InferOutput<typeof PublicJob>

/** Answer to `GET /jobs`. */
export const JobList = v.object({
  jobs: v.array(PublicJob),
  pagination: v.object({ limit: v.number(), next_cursor: v.nullable(v.string()) }),
})
export type JobList = v.InferOutput<typeof JobList>

/**
 * One progress event of a job's stream, as `store/progress-events.ts` builds it. The last one also has the job's
 * result: its output when completed, its error when failed.
 */
export const ProgressEvent = v.object({
  job_id: v.string(),
  status: Status,
  progress: v.number(),
  message: v.string(),
  timestamp: Moment,
  fps: v.optional(v.number()),
  speed: v.optional(v.number()),
  eta_sec: v.optional(v.number()),
  ...v.partial(JobOutput).entries,
  media_info: v.optional(v.nullable(MediaInfo)),
  error: v.optional(JobError),
})
export type ProgressEvent = v.InferOutput<typeof ProgressEvent>

/** Returns the answer to the request that created a job. */
export function presentCreated({ id, status }: Pick<Job, 'id' | 'status'>): CreatedJob {
  return { job_id: id, status, stream_url: `/api/v1/jobs/${id}/stream` }
}

/** Returns a job as the API shows it; `queue`: its position while it waits. */
export function presentJob(row: JobWithAttempts, queue: QueuePosition | null): PublicJob {
  return {
    job_id: row.id,
    status: row.status,
    progress: row.progress,
    message: row.message,
    fps: row.fps,
    speed: row.speed,
    eta_sec: row.etaSec,
    attempts: row.attempts,
    queue,
    request: presentRequest(row),
    media_info: row.mediaInfo,
    validation: row.validation,
    output: row.output,
    error: presentError(row),
    created_at: row.createdAt.toISOString(),
    started_at: row.startedAt?.toISOString() ?? null,
    updated_at: row.updatedAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
  }
}

function presentRequest(row: Job): PublicJob['request'] {
  return {
    input_url: row.inputUrl,
    preset: row.presetName,
    output: { storage: row.storage, path: row.path, type: row.outputType, metadata: row.metadata },
    callback_url: row.callbackUrl,
    priority: row.priority,
    timeout_sec: row.timeoutSec,
    chunks: row.chunks,
    clip: row.clip,
    thumbnails: row.thumbnails,
  }
}

function presentError({ errorCode, errorMessage }: Job): v.InferOutput<typeof JobError> | null {
  return errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' }
}

const PublicPreset = v.object({
  name: v.string(),
  description: v.string(),
  /** The first one is the default of jobs. */
  output_types: v.array(OutputType),
  container: Container,
  segment_sec: v.nullable(v.number()),
  video: v.nullable(PresetVideo),
  audio: v.nullable(PresetAudio),
})
type PublicPreset = v.InferOutput<typeof PublicPreset>

/** Answer to `GET /presets`. */
export const PresetList = v.object({ presets: v.array(PublicPreset) })
export type PresetList = v.InferOutput<typeof PresetList>

/** Returns all presets as the API shows them. */
export function presentPresets(presets: Presets): PresetList {
  return { presets: [...presets].map(([name, preset]) => presentPreset(name, preset)) }
}

function presentPreset(name: string, preset: Preset): PublicPreset {
  const { description, container, segment_sec, video, audio } = preset
  return { name, description, output_types: [...listOutputTypes(preset)], container, segment_sec, video, audio }
}

const END_FIELDS: ReadonlySet<string> = new Set([...Object.keys(JobOutput.entries), 'media_info', 'error'])

/** Returns the result of an ended job, from the body of its last progress event. */
export function presentEnd(progress: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(progress).filter(([field]) => END_FIELDS.has(field)))
}
