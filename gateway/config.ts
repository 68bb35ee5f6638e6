import * as v from 'valibot'

import { Duration, PositiveDuration } from '../shared/durations.ts'
import type { WorkerResources } from './workers/launcher.ts'

const text = v.pipe(v.string(), v.trim(), v.nonEmpty('must not be empty'))

function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.string(),
    v.regex(/^\d+$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

const flag = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((word) => word === 'true'),
)

const httpUrl = v.pipe(
  text,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL'),
  v.transform((value) => value.replace(/\/+$/, '')),
)

const postgresUrl = v.pipe(
  text,
  v.check(isPostgresUrl, 'must be a URL such as postgres://user:password@host:5432/name, special characters escaped'),
)

/** A user and a password are unescaped by the client; lists of hosts and sockets are not for `URL` to judge. */
function isPostgresUrl(value: string): boolean {
  try {
    decodeURIComponent(value)
    return /^postgres(?:ql)?:\/\//.test(value) && (URL.canParse(value) || /,|%2F/i.test(value))
  } catch {
    return false
  }
}

/** A setting whose absence means something of its own. */
function orNull<const S extends v.GenericSchema>(schema: S) {
  return v.optional(v.nullable(schema), null)
}

const port = wholeNumber(1, 65_535)

/** RFC 1123, as Kubernetes has it for namespaces and Deployments. */
const clusterName = v.pipe(
  text,
  v.regex(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens, 63 at most'),
)

const cpu = v.pipe(text, v.regex(/^(?:\d+m|\d+(?:\.\d{1,3})?)$/, 'must be a Kubernetes quantity such as 500m or 2'))
const memory = v.pipe(text, v.regex(/^\d+(?:[KMGT]i|[kMGT])$/, 'must be a Kubernetes quantity such as 512Mi or 1Gi'))
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
})
type Environment = v.InferOutput<typeof Environment>

const KEY_NAMES = ['API_KEY', 'INTERNAL_API_KEY', 'WEBHOOK_SIGNING_KEY'] as const
type KeyName = (typeof KEY_NAMES)[number]
export type Keys = Readonly<Record<KeyName, string>>

/** The shortest key that production takes, in characters. */
const MIN_KEY_LENGTH = 16

/** What it takes to run workers as Pods. */
export type ClusterSettings = {
  readonly workerImage: string
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
}

/** The settings as far as the environment gives them: keys that it lacks are made by the entry. */
export type GivenSettings = Omit<Settings, 'keys'> & {
  /** `null`: an embedded database under `dataDir`. */
  readonly databaseUrl: string | null
  readonly dataDir: string
  readonly givenKeys: Partial<Keys>
}

/** The start is refused; `problems` names every wrong or missing setting, one a line. */
export class SettingsError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`wrong settings:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

/**
 * Reads the settings from an environment. An empty variable counts as unset. With neither a database nor a
 * word on private networks set, outside production, this is one user's own machine: private addresses are allowed.
 * @throws SettingsError naming everything that is wrong at once
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): GivenSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = v.safeParse(Environment, given)
  const problems = [
    ...problemsOf(parsed.issues),
    ...keyProblems(given),
    ...portProblems(given),
    ...clusterProblems(given),
  ]
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems)
  return toSettings(parsed.output, given)
}

function problemsOf(issues: readonly v.BaseIssue<unknown>[] | undefined): string[] {
  return (issues ?? []).map((issue) => `${v.getDotPath(issue) ?? 'environment'} ${issue.message}`)
}

function keyProblems(env: Readonly<Record<string, string | undefined>>): string[] {
  if (env['NODE_ENV'] !== 'production') return []
  return KEY_NAMES.filter((name) => (env[name] ?? '').trim().length < MIN_KEY_LENGTH).map(
    (name) => `${name} must be set in production, to at least ${MIN_KEY_LENGTH} characters`,
  )
}

function portProblems({ PORT = '8080', INTERNAL_PORT }: Readonly<Record<string, string | undefined>>): string[] {
  return PORT === INTERNAL_PORT
    ? ['INTERNAL_PORT must be another port than PORT; leave it out to serve both on one']
    : []
}

function clusterProblems({ LAUNCHER, WORKER_IMAGE }: Readonly<Record<string, string | undefined>>): string[] {
  return LAUNCHER === 'kubernetes' && WORKER_IMAGE === undefined
    ? ['WORKER_IMAGE must be set with LAUNCHER=kubernetes: the image that workers run']
    : []
}

function toSettings(env: Environment, raw: Readonly<Record<string, string | undefined>>): GivenSettings {
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
    workerEnv: pick(raw, [...Object.keys(WorkerSettings.entries), 'LOG_LEVEL', 'HTTP_PROXY', 'HTTPS_PROXY']),
  }
}

function clusterOf(env: Environment): ClusterSettings {
  return {
    workerImage: env.WORKER_IMAGE ?? '',
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

function pick(env: Readonly<Record<string, string | undefined>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}
