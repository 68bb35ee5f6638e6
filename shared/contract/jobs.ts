import * as v from 'valibot'

import { CallAccepted, CallNumber, Claim, ClaimRequest } from './assignment.ts'
import { OutputType, Preset } from './presets.ts'
import { StorageKind } from './stores.ts'
import { withoutNul } from './text.ts'

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
const seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(1e9))
/** A number that Postgres' `real` can hold: values too small for it become 0. */
const pace = v.pipe(
  seconds,
  v.transform((value) => (value < 1e-30 ? 0 : value)),
)
const index = v.pipe(count, v.maxValue(255))

/** The part of the input that is encoded. */
export const Clip = v.object({ start_sec: seconds, duration_sec: v.pipe(v.number(), v.gtValue(0)) })
export type Clip = v.InferOutput<typeof Clip>

/** The picture that is encoded. */
const VideoInfo = v.object({
  codec: v.string(),
  /** Display size: after rotation. */
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

/** A track of an input; `reason` says why it is not the one that is encoded. */
const TrackInfo = v.object({
  index: count,
  kind: v.picklist(['video', 'audio']),
  /** `null` where it is unknown. */
  codec: v.nullable(v.string()),
  language: v.nullable(v.string()),
  is_chosen: v.boolean(),
  reason: v.nullable(v.string()),
})

/** The format and tracks of an input or an output, as ffprobe reports them. */
export const MediaInfo = v.object({
  format: v.string(),
  duration_sec: seconds,
  size_bytes: count,
  bit_rate_kbps: v.nullable(seconds),
  video: v.nullable(VideoInfo),
  audio: v.nullable(AudioInfo),
  /** All tracks with picture or sound; absent in reports of older workers. */
  tracks: v.optional(v.pipe(v.array(TrackInfo), v.maxLength(64))),
})
export type MediaInfo = v.InferOutput<typeof MediaInfo>

/** Problems that the validation of an output can find before it is stored; those of its input are warnings. */
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
  'INPUT_TRUNCATED',
  'INPUT_DURATION_WRONG',
])
export type ValidationCode = v.InferOutput<typeof ValidationCode>

export const ValidationLevel = v.picklist(['minimal', 'standard', 'strict'], 'must be minimal, standard or strict')
export type ValidationLevel = v.InferOutput<typeof ValidationLevel>

/** One finding; `file` is a file's name in the output, or `null` where it concerns no single file. */
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

/** The stored output of a completed job. */
export const JobOutput = v.object({
  output_url: v.pipe(v.string(), v.maxLength(4096), v.regex(/^(?:https?|ftps?|s3):\/\/\S+$/), withoutNul()),
  output_type: OutputType,
  files_uploaded: count,
  bytes: count,
})
export type JobOutput = v.InferOutput<typeof JobOutput>

/** One chunk of a job: frames `[first_frame, end_frame)` of the output's frame grid. */
export const Chunk = v.object({ index, first_frame: count, end_frame: count })
export type Chunk = v.InferOutput<typeof Chunk>

/** The plan that the tasks of a chunked job share. Their files lie below `parts_key` in the job's store. */
export const ChunkPlan = v.object({
  chunks: v.pipe(v.array(Chunk), v.minLength(2), v.maxLength(256)),
  /** The probe of the whole input: a probe of one chunk may differ. */
  source: v.record(v.string(), v.unknown()),
})
export type ChunkPlan = v.InferOutput<typeof ChunkPlan>

const commonEntries = {
  job_id: v.string(),
  input_url: v.string(),
  clip: v.nullable(Clip),
  preset_name: v.string(),
  preset: Preset,
  output: v.object({ storage: StorageKind, path: v.string(), type: OutputType }),
  thumbnails: v.boolean(),
  /** Folder of the job's intermediate files in the output's store: `.tallylight/{job_id}/`. */
  parts_key: v.string(),
  /** Such folders of earlier jobs with the same output path, which are removed before anything is stored. */
  leftovers: v.optional(v.array(v.string()), []),
  /** Time that remains until the job's deadline, in ms. */
  time_left_ms: count,
}

/**
 * The task of a worker, from its claim's `order`. `encode`: the whole job or, where requested and worthwhile, its split.
 * `chunk`: one chunk. `join`: all chunks to the output. `sweep`: remove what a job that did not complete left in the
 * store. `tidy`: remove the intermediate files of a completed split job.
 */
export const TaskSpec = v.variant('task', [
  v.object({
    task: v.literal('encode'),
    ...commonEntries,
    /** 1: do not split. */
    chunks: v.union([v.literal('auto'), v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256))]),
    /** Workers that are free to take chunks now, without this one. */
    free_workers: count,
  }),
  v.object({ task: v.literal('chunk'), ...commonEntries, chunk: Chunk, plan: ChunkPlan }),
  v.object({ task: v.literal('join'), ...commonEntries, plan: ChunkPlan }),
  v.object({ task: v.literal('sweep'), ...commonEntries }),
  v.object({ task: v.literal('tidy'), ...commonEntries }),
])
export type TaskSpec = v.InferOutput<typeof TaskSpec>

/** Why a task failed. */
export const JobFailure = v.object({
  code: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9_]{2,60}$/)),
  message: v.pipe(v.string(), v.maxLength(1000), withoutNul()),
  /** Whether another attempt may succeed: the input is not the cause. */
  is_transient: v.boolean(),
})
export type JobFailure = v.InferOutput<typeof JobFailure>

/** The state of a task as its worker reports it. */
export const TaskState = v.picklist(['processing', 'uploading', 'done', 'failed'])
export type TaskState = v.InferOutput<typeof TaskState>

/** Body of `PUT /internal/v1/jobs/{task_id}/status`: the task's current state, at most once a second. */
export const JobReport = v.object({
  ...CallNumber.entries,
  state: TaskState,
  /** Progress of this task, 0–100. */
  progress: v.pipe(pace, v.maxValue(100)),
  message: v.pipe(v.string(), v.maxLength(300), withoutNul()),
  fps: v.nullable(pace),
  /** Media time per wall-clock time: 2 is twice real time. */
  speed: v.nullable(pace),
  eta_sec: v.nullable(pace),
  /** The input; `null` until it is probed. */
  media_info: v.nullable(MediaInfo),
  validation: v.nullable(ValidationResult),
  /** Whether the job may have files in the store by now. */
  has_stored: v.boolean(),
  /** The result of a task that is `done`; `null` for tasks that store no output. */
  output: v.nullable(JobOutput),
  /** The plan of a split that is `done`. */
  plan: v.nullable(ChunkPlan),
  /** The reason of a task that has `failed`. */
  failure: v.nullable(JobFailure),
  /** How many further tasks this worker can take now. */
  room: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64)), 0),
  /** The claimant for those further tasks. Without one (older workers), the worker claims each task itself. */
  claimant: v.optional(ClaimRequest.entries.claimant),
})
export type JobReport = v.InferOutput<typeof JobReport>

/** A further task for a worker that has room. Without `claim`, the worker claims it with `token`. */
export const NextTask = v.object({
  task_id: v.string(),
  token: v.string(),
  claim: v.optional(Claim),
  /** The trace of the task's calls (W3C Trace Context). */
  traceparent: v.optional(v.string()),
})
export type NextTask = v.InferOutput<typeof NextTask>

/** The response to an accepted report. */
export const JobReportAccepted = v.object({
  ...CallAccepted.entries,
  next: v.optional(v.array(NextTask), []),
})
export type JobReportAccepted = v.InferOutput<typeof JobReportAccepted>

/** Heartbeat interval of a job's worker, so that the worker of a cancelled job ends within five seconds. */
export const JOB_HEARTBEAT_MS = 2000

/** Details of a refusal for a job that failed or was cancelled: its files must be removed from the store. */
export const EndedJobDetails = v.object({ job_status: v.picklist(['failed', 'canceled']) })
export type EndedJobDetails = v.InferOutput<typeof EndedJobDetails>
