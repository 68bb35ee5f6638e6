import * as v from 'valibot'

import { Clip, JobOutput, MediaInfo, StorageKind, ValidationResult } from '../../shared/contract/jobs.ts'
import {
  Container,
  outputTypesOf,
  OutputType,
  PresetAudio,
  PresetVideo,
  type Preset,
} from '../../shared/contract/presets.ts'
import type { Presets } from '../job-settings.ts'
import { JOB_STATUSES } from './status.ts'
import type { Job, TriedJob } from './store.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())
const Status = v.picklist(JOB_STATUSES)
const JobError = v.object({ code: v.string(), message: v.string() })

/** Answer to `POST /jobs`. */
export const CreatedJob = v.object({ job_id: v.string(), status: Status, stream_url: v.string() })
export type CreatedJob = v.InferOutput<typeof CreatedJob>

/** A waiting job's place: 1 is the next. */
export const QueuePlace = v.object({ position: v.number(), estimated_start_at: v.nullable(Moment) })
export type QueuePlace = v.InferOutput<typeof QueuePlace>

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
  queue: v.nullable(QueuePlace),
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
 * What the followers of a job are told: one event of its stream. The last one says what came of the job as well: with
 * `completed` its output, with `failed` why.
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

export function presentCreated({ id, status }: Pick<Job, 'id' | 'status'>): CreatedJob {
  return { job_id: id, status, stream_url: `/api/v1/jobs/${id}/stream` }
}

/** A job; `queue` is its place where it waits. */
export function presentJob(row: TriedJob, queue: QueuePlace | null): PublicJob {
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
  /** The first is taken where a job does not say. */
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

export function presentPresets(presets: Presets): PresetList {
  return { presets: [...presets].map(([name, preset]) => presentPreset(name, preset)) }
}

function presentPreset(name: string, preset: Preset): PublicPreset {
  const { description, container, segment_sec, video, audio } = preset
  return { name, description, output_types: [...outputTypesOf(preset)], container, segment_sec, video, audio }
}

/** A job as an event of its progress; the last one says what came of it. */
export function presentProgress(row: Job): ProgressEvent {
  return {
    job_id: row.id,
    status: row.status,
    progress: row.progress,
    message: row.message,
    timestamp: row.updatedAt.toISOString(),
    ...(row.fps === null ? {} : { fps: row.fps }),
    ...(row.speed === null ? {} : { speed: row.speed }),
    ...(row.etaSec === null ? {} : { eta_sec: row.etaSec }),
    ...presentEnd(row),
  }
}

/** What came of a job that has ended. */
export function presentEnd(row: Job): Pick<ProgressEvent, keyof JobOutput | 'media_info' | 'error'> {
  if (row.status === 'completed') return { ...row.output, media_info: row.mediaInfo }
  const error = presentError(row)
  return error === null ? {} : { error }
}
