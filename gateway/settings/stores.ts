import * as v from 'valibot'

import { StorageKind } from '../../shared/contract/stores.ts'
import { httpUrl, orNull, pick, port, setting, text, type Env } from './fields.ts'
import type { SettingsSection } from './section.ts'

/** A host name or an address: RFC 3986 reserves the other characters. */
const host = v.pipe(text, v.regex(/^[A-Za-z0-9.:-]+$/, 'must be a host name or an address, without a scheme'))

/** Variables that a worker reads itself: checked here for their form, and passed on as written. */
const ForWorkers = v.object({
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

const StoreEnvironment = v.object({
  ...ForWorkers.entries,
  ...WorkerSecrets.entries,
  STORAGE_TYPE: setting(
    orNull(StorageKind),
    'Store of jobs that name none: `local`, `s3` or `ftp`. Default: `local`; in a cluster, the store that is set up.',
  ),
  STORAGE_DIR: setting(
    orNull(text),
    'Folder of the `local` store, served without a key at `/media/`. Default: `media` in `DATA_DIR`. Not available in a cluster.',
  ),
})
type StoreEnvironment = v.InferOutput<typeof StoreEnvironment>

/** The stores of files, which several systems use. */
export type StoreSettings = {
  /** The default store; `null`: no store is set up. */
  readonly defaultStorage: StorageKind | null
  /** The stores that are set up. */
  readonly storages: readonly StorageKind[]
  /** Where the `local` store keeps its files; `null`: there is no `local` store. */
  readonly storageDir: string | null
  /** Variables of a worker's environment. */
  readonly workerEnv: Readonly<Record<string, string>>
  /** Secret variables of a worker's environment. */
  readonly secretEnv: Readonly<Record<string, string>>
}

/** The settings of the stores, as checked before the gateway starts. */
export const STORES_SECTION: SettingsSection = {
  title: 'Stores',
  entries: StoreEnvironment.entries,
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
  const { WORKER_SECRET: secret = 'tallylight-storage' } = env
  const isUsed = (name: string) => !findUnusedStoreSettings(env).includes(name)
  return pairs.flatMap(([name, other]) =>
    env[name] !== undefined && env[other] === undefined && isUsed(name)
      ? [`${name} needs ${other}: set it, or remove ${name} (in a cluster, from the Secret ${secret})`]
      : [],
  )
}

/** Returns the names of credentials that are set for a store that is not: a Secret may keep those of an earlier one. */
export function findUnusedStoreSettings({ FTP_HOST, FTP_PASSWORD }: Env): readonly string[] {
  return FTP_PASSWORD !== undefined && FTP_HOST === undefined ? ['FTP_PASSWORD'] : []
}

/** What the settings of the stores depend on beside their own variables. */
type StoreSurroundings = {
  /** The folder of the gateway's own files. */
  readonly dataDir: string
  /** Where clients reach the gateway. */
  readonly url: string
  /** Returns a path of this machine as an absolute one: workers run in other folders. */
  readonly toAbsolute: (path: string) => string
  readonly runsPods: boolean
}

/** Returns the settings of the stores, from an environment that `STORES_SECTION` has no problems with. */
export function readStoreSettings(raw: Env, { dataDir, url, toAbsolute, runsPods }: StoreSurroundings): StoreSettings {
  const env = v.parse(StoreEnvironment, raw)
  const storages = storagesOf(env, runsPods)
  const storageDir = runsPods ? null : toAbsolute(env.STORAGE_DIR ?? `${dataDir}/media`)
  return {
    defaultStorage: env.STORAGE_TYPE ?? storages[0] ?? null,
    storages,
    storageDir,
    workerEnv: {
      ...pick(raw, Object.keys(ForWorkers.entries)),
      ...(runsPods ? {} : pick(raw, AWS_ON_THIS_MACHINE)),
      ...(storageDir === null ? {} : { STORAGE_DIR: storageDir, MEDIA_URL: `${url}/media` }),
    },
    secretEnv: pick(
      raw,
      Object.keys(WorkerSecrets.entries).filter((name) => !findUnusedStoreSettings(raw).includes(name)),
    ),
  }
}

/** Returns the stores that are set up, the default first. */
function storagesOf(env: StoreEnvironment, runsPods: boolean): readonly StorageKind[] {
  return [
    ...(runsPods ? [] : (['local'] as const)),
    ...(env.S3_BUCKET === undefined ? [] : (['s3'] as const)),
    ...(env.FTP_HOST === undefined ? [] : (['ftp'] as const)),
  ]
}

/** Returns the URL below which readers find the files of the default store; `null` where it is a folder of this machine. */
export function bucketUrlOf(env: Env, { defaultStorage }: Pick<StoreSettings, 'defaultStorage'>): string | null {
  if (defaultStorage !== 's3') return null
  const { S3_PUBLIC_URL, S3_ENDPOINT, S3_BUCKET, S3_REGION, AWS_REGION } = v.parse(StoreEnvironment, env)
  const region = S3_REGION ?? AWS_REGION ?? 'us-east-1'
  return (
    S3_PUBLIC_URL ?? (S3_ENDPOINT ? `${S3_ENDPOINT}/${S3_BUCKET}` : `https://${S3_BUCKET}.s3.${region}.amazonaws.com`)
  )
}
