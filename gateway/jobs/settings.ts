import * as v from 'valibot'

import { ValidationLevel } from '../../shared/contract/jobs.ts'
import type { Preset } from '../../shared/contract/presets.ts'
import { PositiveDuration } from '../../shared/durations.ts'
import type { WorkerResources } from '../ports/launcher.ts'
import { cpu, flag, memory, orNull, pick, text, setting, wholeNumber, type Env } from '../settings/fields.ts'
import type { SettingsSection } from '../settings/section.ts'
import type { StoreSettings } from '../settings/stores.ts'

/** The largest file that a job reads or writes, in bytes: 16 TiB. */
const LARGEST_FILE = 17_592_186_044_416
const LONGEST_JOB_MS = 86_400_000

/** Variables that a worker reads itself: checked here for their form, and passed on as written. */
const ForWorkers = v.object({
  VALIDATION_LEVEL: setting(
    v.optional(ValidationLevel),
    'How an output is checked before it is stored: `minimal`, `standard` or `strict`. Default: `standard`.',
  ),
  VALIDATION_DECODE_TEST: setting(
    v.optional(flag),
    'Decodes the whole output at every validation level. Default: false.',
  ),
  VALIDATION_HLS_DEPTH: setting(
    v.optional(v.picklist(['basic', 'medium', 'full'], 'must be basic, medium or full')),
    'Which segments the level `standard` checks: `basic` (none), `medium` (the first and the last two of each rendition, and the number of frames of all) or `full`. Default: `medium`.',
  ),
  VALIDATION_TIMEOUT: setting(
    v.optional(PositiveDuration),
    'Time limit of one check. A full decode may take four times the playing time. Default: 30s.',
  ),
  INPUT_MAX_BYTES: setting(
    v.optional(wholeNumber(1, LARGEST_FILE)),
    'Largest input of a job, in bytes. Default: 21474836480 (20 GiB).',
  ),
  OUTPUT_MAX_BYTES: setting(
    v.optional(wholeNumber(1, LARGEST_FILE)),
    'Largest output of a job, in bytes, all files together. Default: 21474836480 (20 GiB).',
  ),
})

const JobEnvironment = v.object({
  ...ForWorkers.entries,
  MAX_ENCODE_WORKERS: setting(
    v.optional(wholeNumber(1, 10_000), '2'),
    'Largest number of encoding workers, over all gateways.',
  ),
  MAX_QUEUED_JOBS: setting(
    v.optional(wholeNumber(1, 1_000_000), '1000'),
    'Largest number of waiting jobs. A further job is refused with 503 `QUEUE_FULL`.',
  ),
  MAX_CONCURRENT_JOBS: setting(
    v.optional(wholeNumber(1, 64), '1'),
    'Largest number of tasks that one encoding worker runs at a time.',
  ),
  JOB_TIMEOUT: setting(
    v.optional(v.pipe(PositiveDuration, v.maxValue(LONGEST_JOB_MS, 'must not be longer than a day')), '3600'),
    'Time limit of a job that sets no `timeout_sec`. At most a day.',
  ),
  ALLOW_FILE_INPUT: setting(v.optional(flag, 'false'), "Allows `file:` URLs as inputs, on the worker's machine."),
  PRESETS_FILE: setting(
    orNull(text),
    'File that replaces `gateway/jobs/presets.yaml`. A wrong preset stops the start and is named.',
  ),
  WORK_DIR: setting(
    v.optional(text, '/tmp/ffmpeg-jobs'),
    'Folder in which encoding workers keep their files, one folder per task.',
  ),
  ENCODE_CPU_REQUEST: setting(v.optional(cpu, '1'), 'CPU request of an encoding Pod.'),
  ENCODE_MEMORY_REQUEST: setting(v.optional(memory, '1Gi'), 'Memory request of an encoding Pod.'),
  ENCODE_CPU_LIMIT: setting(v.optional(cpu, '4'), 'CPU limit of an encoding Pod.'),
  ENCODE_MEMORY_LIMIT: setting(v.optional(memory, '4Gi'), 'Memory limit of an encoding Pod.'),
  ENCODE_DISK_LIMIT: setting(v.optional(memory, '40Gi'), "Size limit of an encoding Pod's work folder."),
})
type JobEnvironment = v.InferOutput<typeof JobEnvironment>

/** Presets by their names. */
export type Presets = ReadonlyMap<string, Preset>

/** The settings of jobs. */
export type JobSettings = {
  /** Encoding workers at a time. */
  readonly maxWorkers: number
  /** Waiting jobs; one more is refused. */
  readonly maxQueued: number
  /** Jobs that one worker takes at a time. */
  readonly maxConcurrent: number
  /** Timeout of a job that sets none, in seconds. */
  readonly timeoutSec: number
  readonly allowFileInput: boolean
  readonly presets: Presets
  readonly stores: StoreSettings
  /** Where a worker keeps its files, one folder per job. */
  readonly workDir: string
  /** Size limit of that folder in a Pod. */
  readonly diskLimit: string
  readonly resources: WorkerResources
  /** Variables of a worker's environment. */
  readonly workerEnv: Readonly<Record<string, string>>
}

/** The settings of jobs, as checked before the gateway starts. */
export const JOBS_SECTION: SettingsSection = {
  title: 'Jobs',
  entries: JobEnvironment.entries,
  fileSettings: { PRESETS_FILE: 'edit gateway/jobs/presets.yaml before it is deployed' },
  problems: () => [],
}

/** What the settings of jobs depend on beside their own variables. */
type Surroundings = {
  readonly stores: StoreSettings
  /** Variables that every worker takes over. */
  readonly workerEnv: Readonly<Record<string, string>>
  readonly presets: Presets
}

/** Returns the settings of jobs, from an environment that `JOBS_SECTION` has no problems with. */
export function readJobSettings(raw: Env, surroundings: Surroundings): JobSettings {
  const env = v.parse(JobEnvironment, raw)
  const { presets, stores } = surroundings
  return {
    maxWorkers: env.MAX_ENCODE_WORKERS,
    maxQueued: env.MAX_QUEUED_JOBS,
    maxConcurrent: env.MAX_CONCURRENT_JOBS,
    timeoutSec: Math.ceil(env.JOB_TIMEOUT / 1000),
    allowFileInput: env.ALLOW_FILE_INPUT,
    presets,
    stores,
    workDir: env.WORK_DIR,
    diskLimit: env.ENCODE_DISK_LIMIT,
    resources: {
      requests: { cpu: env.ENCODE_CPU_REQUEST, memory: env.ENCODE_MEMORY_REQUEST },
      limits: { cpu: env.ENCODE_CPU_LIMIT, memory: env.ENCODE_MEMORY_LIMIT },
    },
    workerEnv: {
      ...surroundings.workerEnv,
      ...pick(raw, [...Object.keys(ForWorkers.entries), 'ALLOW_FILE_INPUT']),
      ...stores.workerEnv,
      WORK_DIR: env.WORK_DIR,
      MAX_CONCURRENT_JOBS: String(env.MAX_CONCURRENT_JOBS),
    },
  }
}
