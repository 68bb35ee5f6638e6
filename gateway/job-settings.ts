import * as v from 'valibot'

import { StorageKind, ValidationLevel } from '../shared/contract/jobs.ts'
import type { Preset } from '../shared/contract/presets.ts'
import { PositiveDuration } from '../shared/durations.ts'
import { cpu, flag, httpUrl, memory, orNull, pick, port, text, wholeNumber, type Env } from './setting-fields.ts'
import type { WorkerResources } from './workers/launcher.ts'

/** No file that we read or write is larger than this, in bytes: 16 TiB. */
const LARGEST_FILE = 17_592_186_044_416
const LONGEST_JOB_MS = 86_400_000
/** RFC 3986 reserves what else may stand in an address: this is a name or an address, and nothing more. */
const host = v.pipe(text, v.regex(/^[A-Za-z0-9.:-]+$/, 'must be a host name or an address, without a scheme'))

/** What a worker reads for itself; checked here for its form, and handed on as it was written. */
const ForWorkers = v.object({
  VALIDATION_LEVEL: v.optional(ValidationLevel),
  VALIDATION_DECODE_TEST: v.optional(flag),
  VALIDATION_HLS_DEPTH: v.optional(v.picklist(['basic', 'medium', 'full'], 'must be basic, medium or full')),
  VALIDATION_TIMEOUT: v.optional(PositiveDuration),
  INPUT_MAX_BYTES: v.optional(wholeNumber(1, LARGEST_FILE)),
  OUTPUT_MAX_BYTES: v.optional(wholeNumber(1, LARGEST_FILE)),
  S3_BUCKET: v.optional(text),
  S3_REGION: v.optional(text),
  S3_ENDPOINT: v.optional(httpUrl),
  S3_ACCESS_KEY_ID: v.optional(text),
  S3_PUBLIC_URL: v.optional(httpUrl),
  FTP_HOST: v.optional(host),
  FTP_PORT: v.optional(port),
  FTP_USER: v.optional(text),
  FTP_SECURE: v.optional(v.picklist(['true', 'false', 'implicit'], 'must be true, false or implicit')),
  FTP_PATH: v.optional(text),
  FTP_PUBLIC_URL: v.optional(httpUrl),
})

/** What every worker of ours takes over. */
const WAYS = ['FFMPEG_PATH', 'FFPROBE_PATH', 'LOG_LEVEL', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALLOW_FILE_INPUT']
/** Where the AWS SDK is told who it is, beside the secrets. */
const AWS = ['AWS_ACCESS_KEY_ID', 'AWS_REGION', 'AWS_DEFAULT_REGION']
/** The same by files and addresses of this machine: a Pod has others. */
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
const SECRET = ['S3_SECRET_ACCESS_KEY', 'FTP_PASSWORD', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']

/** The variables that set up jobs. */
export const JobEnvironment = v.object({
  ...ForWorkers.entries,
  S3_SECRET_ACCESS_KEY: v.optional(text),
  FTP_PASSWORD: v.optional(text),
  MAX_ENCODE_WORKERS: v.optional(wholeNumber(1, 10_000), '2'),
  MAX_QUEUED_JOBS: v.optional(wholeNumber(1, 1_000_000), '1000'),
  MAX_CONCURRENT_JOBS: v.optional(wholeNumber(1, 64), '1'),
  JOB_TIMEOUT: v.optional(
    v.pipe(PositiveDuration, v.maxValue(LONGEST_JOB_MS, 'must not be longer than a day')),
    '3600',
  ),
  ALLOW_FILE_INPUT: v.optional(flag, 'false'),
  STORAGE_TYPE: orNull(StorageKind),
  STORAGE_DIR: orNull(text),
  PRESETS_FILE: orNull(text),
  WORK_DIR: v.optional(text, '/tmp/ffmpeg-jobs'),
  ENCODE_CPU_REQUEST: v.optional(cpu, '1'),
  ENCODE_MEMORY_REQUEST: v.optional(memory, '1Gi'),
  ENCODE_CPU_LIMIT: v.optional(cpu, '4'),
  ENCODE_MEMORY_LIMIT: v.optional(memory, '4Gi'),
  ENCODE_DISK_LIMIT: v.optional(memory, '40Gi'),
})
type JobEnvironment = v.InferOutput<typeof JobEnvironment>

/** Presets by their names. */
export type Presets = ReadonlyMap<string, Preset>

/** What is set for jobs. */
export type JobSettings = {
  /** Encoding workers at a time. */
  readonly maxWorkers: number
  /** Waiting jobs; one more is refused. */
  readonly maxQueued: number
  /** Jobs that one worker takes at a time. */
  readonly maxConcurrent: number
  /** How long a job may take that does not say so itself. */
  readonly timeoutSec: number
  readonly allowFileInput: boolean
  readonly presets: Presets
  /** Where outputs go whose job does not say; `null`: no store is set up. */
  readonly defaultStorage: StorageKind | null
  /** The stores that are set up. */
  readonly storages: readonly StorageKind[]
  /** Where the `local` store keeps its files; `null` where there is none. */
  readonly storageDir: string | null
  /** Where a worker works, one folder a job. */
  readonly workDir: string
  /** How much a Pod may keep there. */
  readonly diskLimit: string
  readonly resources: WorkerResources
  /** What a worker's environment takes over from the gateway's, by name and as written. */
  readonly workerEnv: Readonly<Record<string, string>>
  /** The same for what nobody may see. */
  readonly secretEnv: Readonly<Record<string, string>>
}

/** The settings of jobs as far as the environment gives them: the presets are read by the entry. */
export type GivenJobSettings = Omit<JobSettings, 'presets'> & {
  /** What takes the place of the presets that come with the gateway; `null`: nothing. */
  readonly presetsFile: string | null
}

/** What is wrong between settings that are sound one by one. */
export function jobProblems(env: Env): string[] {
  return [...storageProblems(env), ...pairProblems(env)]
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

/** Where a gateway keeps what is its own, and where its users reach it. */
type Home = { readonly dataDir: string; readonly url: string }

/** The settings of jobs, from variables that were checked, and as they were written. */
export function toJobSettings(env: JobEnvironment, raw: Env, home: Home): GivenJobSettings {
  const onThisMachine = raw['LAUNCHER'] !== 'kubernetes'
  const storages = storagesOf(env, onThisMachine)
  const storageDir = onThisMachine ? (env.STORAGE_DIR ?? `${home.dataDir}/media`) : null
  const aws = onThisMachine ? [...AWS, ...AWS_ON_THIS_MACHINE] : AWS
  const names = [...Object.keys(ForWorkers.entries), ...WAYS, ...aws]
  return {
    maxWorkers: env.MAX_ENCODE_WORKERS,
    maxQueued: env.MAX_QUEUED_JOBS,
    maxConcurrent: env.MAX_CONCURRENT_JOBS,
    timeoutSec: Math.ceil(env.JOB_TIMEOUT / 1000),
    allowFileInput: env.ALLOW_FILE_INPUT,
    presetsFile: env.PRESETS_FILE,
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
      ...pick(raw, names),
      WORK_DIR: env.WORK_DIR,
      MAX_CONCURRENT_JOBS: String(env.MAX_CONCURRENT_JOBS),
      ...(storageDir === null ? {} : { STORAGE_DIR: storageDir, MEDIA_URL: `${home.url}/media` }),
    },
    secretEnv: pick(raw, SECRET),
  }
}

/** The one that is taken by default stands first. */
function storagesOf(env: JobEnvironment, onThisMachine: boolean): readonly StorageKind[] {
  return [
    ...(onThisMachine ? (['local'] as const) : []),
    ...(env.S3_BUCKET === undefined ? [] : (['s3'] as const)),
    ...(env.FTP_HOST === undefined ? [] : (['ftp'] as const)),
  ]
}
