import * as v from 'valibot'

import { ValidationLevel } from '../../shared/contract/jobs.ts'
import { PositiveDuration } from '../../shared/durations.ts'
import { Text, WorkerEnvironment } from '../environment.ts'
import { StoreSettings } from '../platform/stores/open-store.ts'

const Flag = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((word) => word === 'true'),
)
const SMALL = 'must be a whole number from 1 to 99'
const Bytes = v.pipe(v.string(), v.regex(/^[1-9]\d{0,14}$/, 'must be a whole number of bytes'), v.transform(Number))

/** What a job's worker is told, by the variables' names. Durations are in milliseconds once read. */
export const JobEnvironment = v.object({
  ...WorkerEnvironment.entries,
  ...StoreSettings.entries,
  /** The task: a whole job, or a part of one. It names a folder. */
  JOB_ID: v.pipe(v.string(), v.regex(/^[a-z]{1,20}-[0-9a-f-]{36}$/, 'must be the id of a job or of a task')),
  /** Tasks at a time. */
  MAX_CONCURRENT_JOBS: v.optional(v.pipe(v.string(), v.regex(/^[1-9]\d?$/, SMALL), v.transform(Number)), '1'),
  FFMPEG_PATH: v.optional(Text, 'ffmpeg'),
  FFPROBE_PATH: v.optional(Text, 'ffprobe'),
  WORK_DIR: v.optional(Text, '/tmp/ffmpeg-jobs'),
  VALIDATION_LEVEL: v.optional(ValidationLevel, 'standard'),
  VALIDATION_DECODE_TEST: v.optional(Flag, 'false'),
  VALIDATION_HLS_DEPTH: v.optional(v.picklist(['basic', 'medium', 'full'], 'must be basic, medium or full'), 'medium'),
  VALIDATION_TIMEOUT: v.optional(PositiveDuration, '30s'),
  ALLOW_FILE_INPUT: v.optional(Flag, 'false'),
  /** 20 GiB: a Pod has room for an input and an output of that size. */
  INPUT_MAX_BYTES: v.optional(Bytes, '21474836480'),
  /** All files of an output together. */
  OUTPUT_MAX_BYTES: v.optional(Bytes, '21474836480'),
})
export type JobEnvironment = v.InferOutput<typeof JobEnvironment>
