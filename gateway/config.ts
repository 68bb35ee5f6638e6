import * as v from 'valibot'

import { Duration, PositiveDuration } from '../shared/durations.ts'

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

const port = wholeNumber(1, 65_535)
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
  INTERNAL_PORT: v.optional(port),
  GATEWAY_URL: v.optional(httpUrl),
  DATABASE_URL: v.optional(postgresUrl),
  DB_DSN: v.optional(postgresUrl),
  DATA_DIR: v.optional(text, '.data'),
  API_KEY: key,
  INTERNAL_API_KEY: key,
  WEBHOOK_SIGNING_KEY: key,
  LOG_LEVEL: v.optional(v.picklist(['error', 'warn', 'info', 'debug'], 'must be error, warn, info or debug'), 'info'),
  MAX_MONITORS: v.optional(wholeNumber(1, 100_000), '50'),
  LAUNCHER: v.optional(v.picklist(['process'], 'must be process: no other launcher is built yet'), 'process'),
  WORKER_STARTUP_TIMEOUT: v.optional(PositiveDuration, '60s'),
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

/** All that can be set, checked and with its defaults. Durations are in milliseconds. */
export type Settings = {
  readonly port: number
  readonly host: string
  readonly internalPort: number | null
  /** Where workers reach the internal routes. */
  readonly gatewayUrl: string
  readonly logLevel: Environment['LOG_LEVEL']
  readonly keys: Keys
  readonly maxMonitors: number
  readonly workerStartupTimeoutMs: number
  readonly scheduleLeadTimeMs: number
  readonly allowPrivateNetworks: boolean
  readonly allowAnySite: boolean
  readonly writesPerMinute: number
  readonly readsPerMinute: number
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
  const problems = [...problemsOf(parsed.issues), ...keyProblems(given), ...portProblems(given)]
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

function toSettings(env: Environment, raw: Readonly<Record<string, string | undefined>>): GivenSettings {
  const databaseUrl = env.DATABASE_URL ?? env.DB_DSN ?? null
  const ownMachine = databaseUrl === null && env.NODE_ENV !== 'production'
  return {
    port: env.PORT,
    host: env.HOST,
    internalPort: env.INTERNAL_PORT ?? null,
    gatewayUrl: env.GATEWAY_URL ?? `http://${loopbackOf(env.HOST)}:${env.INTERNAL_PORT ?? env.PORT}`,
    databaseUrl,
    dataDir: env.DATA_DIR,
    logLevel: env.LOG_LEVEL,
    givenKeys: Object.fromEntries(KEY_NAMES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    maxMonitors: env.MAX_MONITORS,
    workerStartupTimeoutMs: env.WORKER_STARTUP_TIMEOUT,
    scheduleLeadTimeMs: env.SCHEDULE_LEAD_TIME,
    allowPrivateNetworks: env.ALLOW_PRIVATE_NETWORKS ?? ownMachine,
    allowAnySite: env.ALLOW_ANY_SITE,
    writesPerMinute: env.RATE_LIMIT_WRITES_PER_MIN,
    readsPerMinute: env.RATE_LIMIT_READS_PER_MIN,
    workerEnv: pick(raw, [...Object.keys(WorkerSettings.entries), 'LOG_LEVEL', 'HTTP_PROXY', 'HTTPS_PROXY']),
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
