import * as v from 'valibot'

import { CallAccepted, CallNumber, Claim, ClaimRequest } from './assignment.ts'
import { OutputType, Preset } from './presets.ts'
import { withoutNul } from './text.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(1e9))
/** As Postgres' `real` holds it: what is next to nothing is nothing. */
const pace = v.pipe(
  seconds,
  v.transform((value) => (value < 1e-30 ? 0 : value)),
)
const index = v.pipe(count, v.maxValue(255))

/** Where outputs go. */
export const StorageKind = v.picklist(['s3', 'ftp', 'local'], 'must be s3, ftp or local')
export type StorageKind = v.InferOutput<typeof StorageKind>

/** The part of the input that is encoded. */
export const Clip = v.object({ start_sec: seconds, duration_sec: v.pipe(v.number(), v.gtValue(0)) })
export type Clip = v.InferOutput<typeof Clip>

/** A track of a media file. */
const VideoInfo = v.object({
  codec: v.string(),
  /** As it is shown: after rotation. */
  width: count,
  height: count,
  /** Frames per second on average. */
  fps: seconds,
  pix_fmt: v.string(),
  bit_depth: count,
  is_hdr: v.boolean(),
  is_interlaced: v.boolean(),
  /** Degrees, clockwise. */
  rotation: v.number(),
})
const AudioInfo = v.object({ codec: v.string(), channels: count, sample_rate: count })

/** What ffprobe says of an input or an output. */
export const MediaInfo = v.object({
  format: v.string(),
  duration_sec: seconds,
  size_bytes: count,
  bit_rate_kbps: v.nullable(seconds),
  video: v.nullable(VideoInfo),
  audio: v.nullable(AudioInfo),
})
export type MediaInfo = v.InferOutput<typeof MediaInfo>

/** What may be found wrong with an output before it is stored. */
export const ValidationCode = v.picklist([
  'FILE_NOT_FOUND',
  'FILE_EMPTY',
  'FFPROBE_FAILED',
  'CODEC_MISMATCH',
  'RESOLUTION_MISMATCH',
  'DURATION_TOO_SHORT',
  'DURATION_TOO_LONG',
  'BITRATE_ABNORMAL',
  'NO_VIDEO_STREAM',
  'NO_AUDIO_STREAM',
  'HLS_PLAYLIST_SYNTAX_ERROR',
  'HLS_SEGMENT_MISSING',
  'HLS_DURATION_MISMATCH',
  'DECODE_ERROR',
  'AV_SYNC_ERROR',
])
export type ValidationCode = v.InferOutput<typeof ValidationCode>

export const ValidationLevel = v.picklist(['minimal', 'standard', 'strict'], 'must be minimal, standard or strict')
export type ValidationLevel = v.InferOutput<typeof ValidationLevel>

/** One finding; `file` is its name in the output, where it is about one. */
export const ValidationIssue = v.object({
  code: ValidationCode,
  message: v.pipe(v.string(), v.maxLength(500), withoutNul()),
  file: v.nullable(v.pipe(v.string(), v.maxLength(200), withoutNul())),
})
export type ValidationIssue = v.InferOutput<typeof ValidationIssue>

export const ValidationResult = v.object({
  level: ValidationLevel,
  is_valid: v.boolean(),
  errors: v.pipe(v.array(ValidationIssue), v.maxLength(20)),
  warnings: v.pipe(v.array(ValidationIssue), v.maxLength(20)),
  duration_ms: count,
})
export type ValidationResult = v.InferOutput<typeof ValidationResult>

/** What a finished job has stored. */
export const JobOutput = v.object({
  output_url: v.pipe(v.string(), v.maxLength(4096), v.regex(/^(?:https?|ftps?|s3):\/\/\S+$/), withoutNul()),
  output_type: OutputType,
  files_uploaded: count,
  bytes: count,
})
export type JobOutput = v.InferOutput<typeof JobOutput>

/** One piece of a chunked job: frames `[first_frame, end_frame)` of the output's own frame grid. */
export const Chunk = v.object({ index, first_frame: count, end_frame: count })
export type Chunk = v.InferOutput<typeof Chunk>

/** What the workers of a chunked job hand on to one another; the files lie below `parts_key` in the job's store. */
export const ChunkPlan = v.object({
  chunks: v.pipe(v.array(Chunk), v.minLength(2), v.maxLength(256)),
  /** The input as it was probed: pieces of it may look different. */
  source: v.record(v.string(), v.unknown()),
})
export type ChunkPlan = v.InferOutput<typeof ChunkPlan>

const Common = {
  job_id: v.string(),
  input_url: v.string(),
  clip: v.nullable(Clip),
  preset_name: v.string(),
  preset: Preset,
  output: v.object({ storage: StorageKind, path: v.string(), type: OutputType }),
  thumbnails: v.boolean(),
  /** Where the job's workers keep what is not for readers, in the output's store: `.tallylight/{job_id}/`. */
  parts_key: v.string(),
  /** The same of earlier jobs that may have left something at the output's path: it goes before anything is stored. */
  leftovers: v.optional(v.array(v.string()), []),
  /** So long the job may still take; ms. */
  time_left_ms: count,
}

/**
 * What a worker is to do, handed to it when it claims (`order`). `encode`: the whole job, or, where that is asked for
 * and worth while, its split. `chunk`: one piece. `join`: all pieces to the output. `sweep`: remove what a job that
 * ended otherwise has left in the store. `tidy`: remove what a split job that was completed has left beside its output.
 */
export const JobOrder = v.variant('task', [
  v.object({
    task: v.literal('encode'),
    ...Common,
    /** 1: never split. */
    chunks: v.union([v.literal('auto'), v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256))]),
    /** Workers that could help, as things stand; this one is not counted. */
    free_workers: count,
  }),
  v.object({ task: v.literal('chunk'), ...Common, chunk: Chunk, plan: ChunkPlan }),
  v.object({ task: v.literal('join'), ...Common, plan: ChunkPlan }),
  v.object({ task: v.literal('sweep'), ...Common }),
  v.object({ task: v.literal('tidy'), ...Common }),
])
export type JobOrder = v.InferOutput<typeof JobOrder>

/** Why a worker could not do its task. */
export const JobFailure = v.object({
  code: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{2,60}$/)),
  message: v.pipe(v.string(), v.maxLength(1000), withoutNul()),
  /** Another attempt may do better: the input is not to blame. */
  is_transient: v.boolean(),
})
export type JobFailure = v.InferOutput<typeof JobFailure>

/** Where a task's worker is at. */
export const TaskState = v.picklist(['processing', 'uploading', 'done', 'failed'])
export type TaskState = v.InferOutput<typeof TaskState>

/** `PUT /internal/v1/jobs/{task_id}/status`: all that the worker knows, at most once a second. */
export const JobReport = v.object({
  ...CallNumber.entries,
  state: TaskState,
  /** Of this task, 0–100. */
  progress: v.pipe(pace, v.maxValue(100)),
  message: v.pipe(v.string(), v.maxLength(300), withoutNul()),
  fps: v.nullable(pace),
  /** Media time per wall-clock time: 2 is twice as fast as it plays. */
  speed: v.nullable(pace),
  eta_sec: v.nullable(pace),
  /** The input, once it was probed. */
  media_info: v.nullable(MediaInfo),
  validation: v.nullable(ValidationResult),
  /** Something of the job may lie in the store from now on. */
  has_stored: v.boolean(),
  /** With `done`: what came of it; of a task that stores none, no output. */
  output: v.nullable(JobOutput),
  plan: v.nullable(ChunkPlan),
  /** With `failed`. */
  failure: v.nullable(JobFailure),
  /** So many tasks more could this worker take now. */
  room: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)), 0),
  /** As whom this worker claims what it is given for that; of an older version, it claims it later. */
  claimant: v.optional(ClaimRequest.entries.claimant),
})
export type JobReport = v.InferOutput<typeof JobReport>

/** Another task for a worker that has room. Where no claim comes along it claims it with that token, as it did its first. */
export const NextTask = v.object({
  task_id: v.string(),
  token: v.string(),
  claim: v.optional(Claim),
  /** The trace that the task's calls belong to (W3C Trace Context); without one, to none. */
  traceparent: v.optional(v.string()),
})
export type NextTask = v.InferOutput<typeof NextTask>

/** Answer to a report that was accepted. */
export const JobReportAccepted = v.object({
  ...CallAccepted.entries,
  next: v.optional(v.array(NextTask), []),
})
export type JobReportAccepted = v.InferOutput<typeof JobReportAccepted>

/** Heartbeats of a job's worker: a cancelled one is to be gone within five seconds. */
export const JOB_HEARTBEAT_MS = 2000

/** What a refusal says of a job that has ended otherwise: nothing of it is to stay. */
export const JobUndone = v.object({ job_status: v.picklist(['failed', 'canceled']) })
export type JobUndone = v.InferOutput<typeof JobUndone>
