import * as v from 'valibot'

import { ValidationLevel } from '../../shared/contract/jobs.ts'
import { PositiveDuration } from '../../shared/durations.ts'
import { NonEmptyText, WorkerEnvironment } from '../environment.ts'
import { StoreSettings } from '../stores/open-store.ts'

const Flag = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((word) => word === 'true'),
)
const TASK_COUNT = 'must be a whole number from 1 to 99'
const Bytes = v.pipe(v.string(), v.regex(/^[1-9]\d{0,14}$/, 'must be a whole number of bytes'), v.transform(Number))

/** The environment variables of an encode worker. Parsing turns durations into milliseconds. */
export const JobEnvironment = v.object({
  ...WorkerEnvironment.entries,
  ...StoreSettings.entries,
  /** Id of the worker's first task. It becomes the name of a folder. */
  JOB_ID: v.pipe(v.string(), v.regex(/^[a-z]{1,20}-[0-9a-f-]{36}$/, 'must be the id of a job or of a task')),
  /** Most tasks that run at once. */
  MAX_CONCURRENT_JOBS: v.optional(v.pipe(v.string(), v.regex(/^[1-9]\d?$/, TASK_COUNT), v.transform(Number)), '1'),
  FFMPEG_PATH: v.optional(NonEmptyText, 'ffmpeg'),
  FFPROBE_PATH: v.optional(NonEmptyText, 'ffprobe'),
  WORK_DIR: v.optional(NonEmptyText, '/tmp/ffmpeg-jobs'),
  VALIDATION_LEVEL: v.optional(ValidationLevel, 'standard'),
  VALIDATION_DECODE_TEST: v.optional(Flag, 'false'),
  VALIDATION_HLS_DEPTH: v.optional(v.picklist(['basic', 'medium', 'full'], 'must be basic, medium or full'), 'medium'),
  VALIDATION_TIMEOUT: v.optional(PositiveDuration, '30s'),
  ALLOW_FILE_INPUT: v.optional(Flag, 'false'),
  /** Bytes; 20 GiB by default. A Pod's disk holds an input and an output of that size. */
  INPUT_MAX_BYTES: v.optional(Bytes, '21474836480'),
  /** Bytes of all files of an output together. */
  OUTPUT_MAX_BYTES: v.optional(Bytes, '21474836480'),
})
export type JobEnvironment = v.InferOutput<typeof JobEnvironment>
