import * as v from 'valibot'

import { StorageKind, ValidationLevel } from '../../shared/contract/jobs.ts'
import type { Preset } from '../../shared/contract/presets.ts'
import { PositiveDuration } from '../../shared/durations.ts'
import type { WorkerResources } from '../ports/launcher.ts'
import {
  cpu,
  flag,
  httpUrl,
  memory,
  orNull,
  pick,
  port,
  text,
  setting,
  wholeNumber,
  type Env,
} from '../settings/fields.ts'
import type { SettingsSection } from '../settings/section.ts'

/** The largest file that a job reads or writes, in bytes: 16 TiB. */
const LARGEST_FILE = 17_592_186_044_416
const LONGEST_JOB_MS = 86_400_000
/** A host name or an address: RFC 3986 reserves the other characters. */
const host = v.pipe(text, v.regex(/^[A-Za-z0-9.:-]+$/, 'must be a host name or an address, without a scheme'))

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
    'Which segments the level `standard` checks: `basic` (none), `medium` (the first and the last two of each rendition) or `full`. Default: `medium`.',
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
  S3_BUCKET: setting(v.optional(text), 'Bucket of the `s3` store. Setting it sets up the store.'),
  S3_REGION: setting(
    v.optional(text),
    "Region of the bucket. Default: `AWS_REGION` or the SDK's files; with `S3_ENDPOINT`, `us-east-1`.",
  ),
  S3_ENDPOINT: setting(
    v.optional(httpUrl),
    'URL of an S3-compatible server, addressed by path. Without it, Amazon S3.',
  ),
  S3_ACCESS_KEY_ID: setting(
    v.optional(text),
    'Access key of the `s3` store, together with `S3_SECRET_ACCESS_KEY`. Without both, the AWS SDK finds credentials in its usual way.',
  ),
  S3_PUBLIC_URL: setting(
    v.optional(httpUrl),
    'URL at which readers find the bucket, such as a CDN. `output_url` begins with it. Default: the server itself.',
  ),
  AWS_ACCESS_KEY_ID: setting(
    v.optional(text),
    'Access key for the AWS SDK of encoding workers, where `S3_ACCESS_KEY_ID` is not set.',
  ),
  AWS_REGION: setting(v.optional(text), 'Region for the AWS SDK, where `S3_REGION` is not set.'),
  AWS_DEFAULT_REGION: setting(v.optional(text), 'Region for the AWS SDK, where `AWS_REGION` is not set either.'),
  FTP_HOST: setting(v.optional(host), 'Host of the `ftp` store. Setting it sets up the store.'),
  FTP_PORT: setting(v.optional(port), 'Port of the FTP server. Default: 21; with implicit TLS, 990.'),
  FTP_USER: setting(v.optional(text), 'User of the FTP server. Default: `anonymous`.'),
  FTP_SECURE: setting(
    v.optional(v.picklist(['true', 'false', 'implicit'], 'must be true, false or implicit')),
    '`true` uses FTP over TLS, `implicit` TLS from the first byte. Default: `false`, which sends password and files unencrypted.',
  ),
  FTP_PATH: setting(
    v.optional(text),
    'Folder on the FTP server below which all outputs are stored. Default: the folder of the login.',
  ),
  FTP_PUBLIC_URL: setting(
    v.optional(httpUrl),
    'URL at which readers find stored files. `output_url` begins with it. Default: the server itself.',
  ),
})

/** Secret variables of workers: a Pod takes them from the cluster's Secret. */
const WorkerSecrets = v.object({
  S3_SECRET_ACCESS_KEY: setting(v.optional(text), 'Secret of the access key.'),
  FTP_PASSWORD: setting(v.optional(text), 'Password of the FTP user.'),
  AWS_SECRET_ACCESS_KEY: setting(v.optional(text), 'Secret of `AWS_ACCESS_KEY_ID`.'),
  AWS_SESSION_TOKEN: setting(v.optional(text), 'Session token of temporary AWS credentials.'),
})

/** Credentials of the AWS SDK by files and addresses of this machine, which a Pod does not have. */
const AWS_ON_THIS_MACHINE = [
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CA_BUNDLE',
  'AWS_ROLE_ARN',
  'NODE_EXTRA_CA_CERTS',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
]

const JobEnvironment = v.object({
  ...ForWorkers.entries,
  ...WorkerSecrets.entries,
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
  STORAGE_TYPE: setting(
    orNull(StorageKind),
    'Store of jobs that name none: `local`, `s3` or `ftp`. Default: `local`; in a cluster, the store that is set up.',
  ),
  STORAGE_DIR: setting(
    orNull(text),
    'Folder of the `local` store, served without a key at `/media/`. Default: `media` in `DATA_DIR`. Not available in a cluster.',
  ),
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
  /** Store of a job that names none; `null`: no store is set up. */
  readonly defaultStorage: StorageKind | null
  /** The stores that are set up. */
  readonly storages: readonly StorageKind[]
  /** Where the `local` store keeps its files; `null`: there is no `local` store. */
  readonly storageDir: string | null
  /** Where a worker keeps its files, one folder per job. */
  readonly workDir: string
  /** Size limit of that folder in a Pod. */
  readonly diskLimit: string
  readonly resources: WorkerResources
  /** Variables of a worker's environment. */
  readonly workerEnv: Readonly<Record<string, string>>
  /** Secret variables of a worker's environment. */
  readonly secretEnv: Readonly<Record<string, string>>
}

/** The settings of jobs, as checked before the gateway starts. */
export const JOBS_SECTION: SettingsSection = {
  title: 'Jobs',
  entries: JobEnvironment.entries,
  fileSettings: { PRESETS_FILE: 'edit gateway/jobs/presets.yaml before it is deployed' },
  problems: (env) => [...storageProblems(env), ...pairProblems(env)],
}

function storageProblems({ STORAGE_TYPE, STORAGE_DIR, LAUNCHER, S3_BUCKET, FTP_HOST }: Env): string[] {
  const local =
    LAUNCHER === 'kubernetes' && (STORAGE_TYPE === 'local' ? 'STORAGE_TYPE=local' : STORAGE_DIR && 'STORAGE_DIR')
  return [
    STORAGE_TYPE === 's3' && S3_BUCKET === undefined && 'STORAGE_TYPE=s3 needs S3_BUCKET',
    STORAGE_TYPE === 'ftp' && FTP_HOST === undefined && 'STORAGE_TYPE=ftp needs FTP_HOST',
    local &&
      `${local} cannot be used with LAUNCHER=kubernetes: what a Pod keeps on its disk goes with it; use s3 or ftp`,
  ].filter((problem) => typeof problem === 'string')
}

function pairProblems(env: Env): string[] {
  const pairs: readonly (readonly [string, string])[] = [
    ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'],
    ['S3_SECRET_ACCESS_KEY', 'S3_ACCESS_KEY_ID'],
    ['FTP_PASSWORD', 'FTP_USER'],
  ]
  return pairs.flatMap(([name, other]) =>
    env[name] !== undefined && env[other] === undefined ? [`${name} needs ${other}`] : [],
  )
}

/** What the settings of jobs depend on beside their own variables. */
type Surroundings = {
  /** The folder of the gateway's own files. */
  readonly dataDir: string
  /** Where clients reach the gateway. */
  readonly url: string
  /** Returns a path of this machine as an absolute one: workers run in other folders. */
  readonly toAbsolute: (path: string) => string
  readonly runsPods: boolean
  /** Variables that every worker takes over. */
  readonly workerEnv: Readonly<Record<string, string>>
  readonly presets: Presets
}

/** Returns the settings of jobs, from an environment that `JOBS_SECTION` has no problems with. */
export function readJobSettings(raw: Env, surroundings: Surroundings): JobSettings {
  const env = v.parse(JobEnvironment, raw)
  const { runsPods, presets, toAbsolute } = surroundings
  const storages = storagesOf(env, runsPods)
  const storageDir = runsPods ? null : toAbsolute(env.STORAGE_DIR ?? `${surroundings.dataDir}/media`)
  return {
    maxWorkers: env.MAX_ENCODE_WORKERS,
    maxQueued: env.MAX_QUEUED_JOBS,
    maxConcurrent: env.MAX_CONCURRENT_JOBS,
    timeoutSec: Math.ceil(env.JOB_TIMEOUT / 1000),
    allowFileInput: env.ALLOW_FILE_INPUT,
    presets,
    defaultStorage: env.STORAGE_TYPE ?? storages[0] ?? null,
    storages,
    storageDir,
    workDir: env.WORK_DIR,
    diskLimit: env.ENCODE_DISK_LIMIT,
    resources: {
      requests: { cpu: env.ENCODE_CPU_REQUEST, memory: env.ENCODE_MEMORY_REQUEST },
      limits: { cpu: env.ENCODE_CPU_LIMIT, memory: env.ENCODE_MEMORY_LIMIT },
    },
    workerEnv: {
      ...surroundings.workerEnv,
      ...pick(raw, [...Object.keys(ForWorkers.entries), 'ALLOW_FILE_INPUT']),
      ...(runsPods ? {} : pick(raw, AWS_ON_THIS_MACHINE)),
      WORK_DIR: env.WORK_DIR,
      MAX_CONCURRENT_JOBS: String(env.MAX_CONCURRENT_JOBS),
      ...(storageDir === null ? {} : { STORAGE_DIR: storageDir, MEDIA_URL: `${surroundings.url}/media` }),
    },
    secretEnv: pick(raw, Object.keys(WorkerSecrets.entries)),
  }
}

/** Returns the stores that are set up, the default first. */
function storagesOf(env: JobEnvironment, runsPods: boolean): readonly StorageKind[] {
  return [
    ...(runsPods ? [] : (['local'] as const)),
    ...(env.S3_BUCKET === undefined ? [] : (['s3'] as const)),
    ...(env.FTP_HOST === undefined ? [] : (['ftp'] as const)),
  ]
}
