import * as v from 'valibot'

import { Duration, PositiveDuration } from '../shared/durations.ts'
import { JobEnvironment, jobProblems, toJobSettings, type GivenJobSettings, type JobSettings } from './job-settings.ts'
import {
  clusterName,
  cpu,
  flag,
  httpUrl,
  memory,
  orNull,
  pick,
  port,
  postgresUrl,
  text,
  wholeNumber,
  type Env,
} from './setting-fields.ts'
import { SettingsError } from './settings-error.ts'
import type { WorkerResources } from './workers/launcher.ts'

const key = v.optional(text)

/** What the process launcher hands on to a worker as it stands; parsed there, so checked here only for its form. */
const WorkerSettings = v.object({
  FFMPEG_PATH: v.optional(text),
  FFPROBE_PATH: v.optional(text),
  YTDLP_PATH: v.optional(text),
  STREAMLINK_PATH: v.optional(text),
  WAITING_MODE_INITIAL_INTERVAL: v.optional(PositiveDuration),
  WAITING_MODE_DELAYED_INTERVAL: v.optional(PositiveDuration),
  MANIFEST_FETCH_TIMEOUT: v.optional(PositiveDuration),
  MANIFEST_REFRESH_INTERVAL: v.optional(PositiveDuration),
  SEGMENT_FETCH_TIMEOUT: v.optional(PositiveDuration),
  SEGMENT_MAX_BYTES: v.optional(wholeNumber(1, 1_073_741_824)),
})

const Environment = v.object({
  ...WorkerSettings.entries,
  ...JobEnvironment.entries,
  NODE_ENV: v.optional(text),
  PORT: v.optional(port, '8080'),
  HOST: v.optional(text, '127.0.0.1'),
  INTERNAL_PORT: orNull(port),
  PUBLIC_URL: orNull(httpUrl),
  GATEWAY_URL: v.optional(httpUrl),
  OTEL_EXPORTER_OTLP_ENDPOINT: orNull(httpUrl),
  DATABASE_URL: v.optional(postgresUrl),
  DB_DSN: v.optional(postgresUrl),
  DATA_DIR: v.optional(text, '.data'),
  API_KEY: key,
  INTERNAL_API_KEY: key,
  WEBHOOK_SIGNING_KEY: key,
  LOG_LEVEL: v.optional(v.picklist(['error', 'warn', 'info', 'debug'], 'must be error, warn, info or debug'), 'info'),
  MAX_MONITORS: v.optional(wholeNumber(1, 100_000), '50'),
  LAUNCHER: v.optional(v.picklist(['process', 'kubernetes'], 'must be process or kubernetes'), 'process'),
  NAMESPACE: orNull(clusterName),
  WORKER_IMAGE: v.optional(text),
  WORKER_SECRET: v.optional(clusterName, 'tallylight-storage'),
  KUBECONFIG: orNull(text),
  GATEWAY_DEPLOYMENT: orNull(clusterName),
  MONITOR_CPU_REQUEST: v.optional(cpu, '100m'),
  MONITOR_MEMORY_REQUEST: v.optional(memory, '256Mi'),
  MONITOR_CPU_LIMIT: v.optional(cpu, '500m'),
  MONITOR_MEMORY_LIMIT: v.optional(memory, '512Mi'),
  WORKER_STARTUP_TIMEOUT: v.optional(PositiveDuration, '60s'),
  RECONCILE_INTERVAL: v.optional(PositiveDuration, '15s'),
  GATEWAY_RECONCILE_TIMEOUT: v.optional(PositiveDuration, '30s'),
  SCHEDULE_LEAD_TIME: v.optional(Duration, '600s'),
  ALLOW_PRIVATE_NETWORKS: v.optional(flag),
  ALLOW_ANY_SITE: v.optional(flag, 'false'),
  RATE_LIMIT_WRITES_PER_MIN: v.optional(wholeNumber(1, 1_000_000), '25'),
  RATE_LIMIT_READS_PER_MIN: v.optional(wholeNumber(1, 1_000_000), '100'),
  HTTP_PROXY: v.optional(httpUrl),
  HTTPS_PROXY: v.optional(httpUrl),
  NO_PROXY: v.optional(text),
})
type Environment = v.InferOutput<typeof Environment>

/** How a worker gets out; what is not to go that way. */
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']

const KEY_NAMES = ['API_KEY', 'INTERNAL_API_KEY', 'WEBHOOK_SIGNING_KEY'] as const
type KeyName = (typeof KEY_NAMES)[number]
export type Keys = Readonly<Record<KeyName, string>>

/** The shortest key that production takes, in characters. */
const MIN_KEY_LENGTH = 16

/** What it takes to run workers as Pods. */
export type ClusterSettings = {
  readonly workerImage: string
  /** The Secret that holds what workers need and nobody may read. */
  readonly workerSecret: string
  /** `null`: that of the kubeconfig's context, or of the Pod that the gateway runs in. */
  readonly namespace: string | null
  /** The path of a kubeconfig; `null`: in the cluster, or the user's own. */
  readonly kubeconfig: string | null
  /** The Deployment that owns the Pods, so that they go with it; `null`: none. */
  readonly deployment: string | null
}

/** All that can be set, checked and with its defaults. Durations are in milliseconds. */
export type Settings = {
  readonly port: number
  readonly host: string
  readonly internalPort: number | null
  /** Where users reach the API; `null`: not known. */
  readonly publicUrl: string | null
  /** Where workers reach the internal routes. */
  readonly gatewayUrl: string
  readonly logLevel: Environment['LOG_LEVEL']
  readonly keys: Keys
  readonly maxMonitors: number
  /** `null`: workers are processes of this machine. */
  readonly cluster: ClusterSettings | null
  readonly monitorResources: WorkerResources
  readonly workerStartupTimeoutMs: number
  readonly reconcileIntervalMs: number
  /** How long one comparison of records with workers may take; what is left is the next one's. */
  readonly reconcileTimeoutMs: number
  readonly scheduleLeadTimeMs: number
  readonly allowPrivateNetworks: boolean
  readonly allowAnySite: boolean
  readonly writesPerMinute: number
  readonly readsPerMinute: number
  /** Where traces go, by OTLP over HTTP; `null`: nowhere. */
  readonly otlpEndpoint: string | null
  /** What a worker's environment takes over from the gateway's, by name and as written. */
  readonly workerEnv: Readonly<Record<string, string>>
  readonly jobs: JobSettings
}

/** The settings as far as the environment gives them: keys that it lacks are made by the entry, which reads files too. */
export type GivenSettings = Omit<Settings, 'keys' | 'jobs'> & {
  readonly jobs: GivenJobSettings
  /** `null`: an embedded database under `dataDir`. */
  readonly databaseUrl: string | null
  readonly dataDir: string
  readonly givenKeys: Partial<Keys>
}

/**
 * Reads the settings from an environment. An empty variable counts as unset. With neither a database nor a
 * word on private networks set, outside production, this is one user's own machine: private addresses are allowed.
 * @throws SettingsError naming everything that is wrong at once
 */
export function readSettings(env: Env): GivenSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = v.safeParse(Environment, given)
  const problems = [
    ...problemsOf(parsed.issues),
    ...keyProblems(given),
    ...portProblems(given),
    ...clusterProblems(given),
    ...jobProblems(given),
  ]
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems)
  return toSettings(parsed.output, given)
}

function problemsOf(issues: readonly v.BaseIssue<unknown>[] | undefined): string[] {
  return (issues ?? []).map((issue) => `${v.getDotPath(issue) ?? 'environment'} ${issue.message}`)
}

function keyProblems(env: Env): string[] {
  if (env['NODE_ENV'] !== 'production') return []
  return KEY_NAMES.filter((name) => (env[name] ?? '').trim().length < MIN_KEY_LENGTH).map(
    (name) => `${name} must be set in production, to at least ${MIN_KEY_LENGTH} characters`,
  )
}

function portProblems({ PORT = '8080', INTERNAL_PORT }: Env): string[] {
  return PORT === INTERNAL_PORT
    ? ['INTERNAL_PORT must be another port than PORT; leave it out to serve both on one']
    : []
}

function clusterProblems({ LAUNCHER, WORKER_IMAGE }: Env): string[] {
  return LAUNCHER === 'kubernetes' && WORKER_IMAGE === undefined
    ? ['WORKER_IMAGE must be set with LAUNCHER=kubernetes: the image that workers run']
    : []
}

function toSettings(env: Environment, raw: Env): GivenSettings {
  const databaseUrl = env.DATABASE_URL ?? env.DB_DSN ?? null
  const ownMachine = databaseUrl === null && env.NODE_ENV !== 'production'
  return {
    port: env.PORT,
    host: env.HOST,
    internalPort: env.INTERNAL_PORT,
    publicUrl: env.PUBLIC_URL,
    gatewayUrl: env.GATEWAY_URL ?? `http://${loopbackOf(env.HOST)}:${env.INTERNAL_PORT ?? env.PORT}`,
    databaseUrl,
    dataDir: env.DATA_DIR,
    logLevel: env.LOG_LEVEL,
    givenKeys: Object.fromEntries(KEY_NAMES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    maxMonitors: env.MAX_MONITORS,
    cluster: env.LAUNCHER === 'kubernetes' ? clusterOf(env) : null,
    monitorResources: {
      requests: { cpu: env.MONITOR_CPU_REQUEST, memory: env.MONITOR_MEMORY_REQUEST },
      limits: { cpu: env.MONITOR_CPU_LIMIT, memory: env.MONITOR_MEMORY_LIMIT },
    },
    reconcileIntervalMs: env.RECONCILE_INTERVAL,
    reconcileTimeoutMs: env.GATEWAY_RECONCILE_TIMEOUT,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    workerStartupTimeoutMs: env.WORKER_STARTUP_TIMEOUT,
    scheduleLeadTimeMs: env.SCHEDULE_LEAD_TIME,
    allowPrivateNetworks: env.ALLOW_PRIVATE_NETWORKS ?? ownMachine,
    allowAnySite: env.ALLOW_ANY_SITE,
    writesPerMinute: env.RATE_LIMIT_WRITES_PER_MIN,
    readsPerMinute: env.RATE_LIMIT_READS_PER_MIN,
    workerEnv: pick(raw, [...Object.keys(WorkerSettings.entries), 'LOG_LEVEL', ...PROXIES]),
    jobs: toJobSettings(env, raw, {
      dataDir: env.DATA_DIR,
      url: env.PUBLIC_URL ?? `http://${loopbackOf(env.HOST)}:${env.PORT}`,
    }),
  }
}

function clusterOf(env: Environment): ClusterSettings {
  return {
    workerImage: env.WORKER_IMAGE ?? '',
    workerSecret: env.WORKER_SECRET,
    namespace: env.NAMESPACE,
    kubeconfig: env.KUBECONFIG,
    deployment: env.GATEWAY_DEPLOYMENT,
  }
}

/** Workers are on this machine: where all addresses are served, they come in by loopback. */
function loopbackOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
