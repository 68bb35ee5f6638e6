import * as v from 'valibot'

import { PositiveDuration } from '../../shared/durations.ts'
import { AddressBlocks } from './address-blocks.ts'
import {
  clusterName,
  flag,
  httpUrl,
  orNull,
  pick,
  port,
  postgresUrl,
  setting,
  text,
  wholeNumber,
  type Env,
} from './fields.ts'
import { sectionProblems, withoutEmpty, type SettingsSection } from './section.ts'
import { MAIL_SECTION, readMailSettings } from './mail.ts'
import { findUnusedStoreSettings, STORES_SECTION } from './stores.ts'
import { SettingsError } from './settings-error.ts'
import { KEY_NAMES, type ClusterSettings, type GivenSettings } from './settings.ts'

const KernelEnvironment = v.object({
  NODE_ENV: setting(v.optional(text), '`production` requires the three keys to be set. Images set it.'),
  PORT: setting(v.optional(port, '8080'), 'Port of the API.'),
  HOST: setting(v.optional(text, '127.0.0.1'), 'Address that the API listens on. Images set `0.0.0.0`.'),
  INTERNAL_PORT: setting(
    orNull(port),
    'Separate port for worker callbacks, operator calls and `/metrics`. Without it, they share `PORT`.',
  ),
  PUBLIC_URL: setting(
    orNull(httpUrl),
    'URL at which users reach the API. The OpenAPI document and the URLs of locally stored outputs begin with it.',
  ),
  GATEWAY_URL: setting(
    v.optional(httpUrl),
    'URL at which workers reach the gateway. Default: derived from `HOST` and `INTERNAL_PORT` or `PORT`.',
  ),
  DATABASE_URL: setting(
    v.optional(postgresUrl),
    'URL of a Postgres 15 or newer. Without it, the gateway starts an embedded Postgres under `DATA_DIR`.',
  ),
  DB_DSN: setting(v.optional(postgresUrl), 'Alternative name for `DATABASE_URL`, which wins where both are set.'),
  DATA_DIR: setting(
    v.optional(text, '.data'),
    'Folder of the generated keys, the embedded database and, by default, the `local` store.',
  ),
  API_KEY: setting(
    v.optional(text),
    'Key of the API. Default: generated at the first start. Required in production, at least 16 characters.',
  ),
  INTERNAL_API_KEY: setting(
    v.optional(text),
    'Key of operator calls; worker tokens, the secrets of the webhooks about faults, and the key that encrypts the stream keys of other platforms, are derived from it. Default: generated at the first start. Required in production, at least 16 characters.',
  ),
  WEBHOOK_SIGNING_KEY: setting(
    v.optional(text),
    'Key that signs webhooks. Default: generated at the first start. Required in production, at least 16 characters.',
  ),
  LOG_LEVEL: setting(
    v.optional(v.picklist(['error', 'warn', 'info', 'debug'], 'must be error, warn, info or debug'), 'info'),
    'Lowest level that is logged: `error`, `warn`, `info` or `debug`.',
  ),
  LAUNCHER: setting(
    v.optional(v.picklist(['process', 'kubernetes'], 'must be process or kubernetes'), 'process'),
    '`process` runs workers as processes of this machine, `kubernetes` as Pods.',
  ),
  NAMESPACE: setting(
    orNull(clusterName),
    "Namespace of the worker Pods. Default: that of the gateway's own Pod, otherwise that of the kubeconfig's context.",
  ),
  WORKER_IMAGE: setting(v.optional(text), 'Image that worker Pods run. Required with `LAUNCHER=kubernetes`.'),
  WORKER_SECRET: setting(
    v.optional(clusterName, 'tallylight-storage'),
    'Secret from which encoding Pods take `S3_SECRET_ACCESS_KEY` and `FTP_PASSWORD`.',
  ),
  KUBECONFIG: setting(
    orNull(text),
    "Path of a kubeconfig. Default: the service account of the gateway's Pod, otherwise `~/.kube/config`.",
  ),
  GATEWAY_DEPLOYMENT: setting(
    orNull(clusterName),
    'Deployment that owns the worker Pods, as their controller. Deleting it deletes them; without it `kubectl drain` needs `--force`.',
  ),
  WORKER_STARTUP_TIMEOUT: setting(
    v.optional(PositiveDuration, '60s'),
    'Time in which a launched worker must claim its assignment. After it, the worker is replaced.',
  ),
  RECONCILE_INTERVAL: setting(
    v.optional(PositiveDuration, '15s'),
    'Longest pause between two reconciliations of records and workers.',
  ),
  GATEWAY_RECONCILE_TIMEOUT: setting(
    v.optional(PositiveDuration, '30s'),
    'Time limit of one reconciliation. The next one continues with the rest.',
  ),
  ALLOW_PRIVATE_NETWORKS: setting(
    v.optional(flag),
    'Allows streams, inputs and webhooks at private addresses. Default: `true` without a database URL outside production, otherwise `false`.',
  ),
  ALLOW_ANY_SITE: setting(
    v.optional(flag, 'false'),
    'Allows stream pages other than YouTube, resolved by yt-dlp or streamlink.',
  ),
  RATE_LIMIT_WRITES_PER_MIN: setting(
    v.optional(wholeNumber(1, 1_000_000), '25'),
    'POST requests per client and minute, counted by each gateway.',
  ),
  RATE_LIMIT_READS_PER_MIN: setting(
    v.optional(wholeNumber(1, 1_000_000), '100'),
    'All other API requests per client and minute, counted by each gateway.',
  ),
  TRUSTED_PROXIES: setting(
    v.optional(AddressBlocks),
    'Addresses and CIDR blocks of the proxies before the gateway, separated by commas. The address of a client is then the last one of `X-Forwarded-For` that is none of theirs. Default: none; the header is ignored.',
  ),
  FFMPEG_PATH: setting(v.optional(text), 'Path of ffmpeg. Default: `ffmpeg` from `PATH`.'),
  FFPROBE_PATH: setting(v.optional(text), 'Path of ffprobe. Default: `ffprobe` from `PATH`.'),
  HTTP_PROXY: setting(v.optional(httpUrl), 'Proxy for the `http` requests of workers. Webhooks do not use it.'),
  HTTPS_PROXY: setting(v.optional(httpUrl), 'Proxy for the `https` requests of workers. Webhooks do not use it.'),
  NO_PROXY: setting(v.optional(text), 'Hosts and ranges that workers reach without a proxy.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(
    orNull(httpUrl),
    'Collector that receives traces, by OTLP over HTTP. Without it, no traces are exported.',
  ),
})
type KernelEnvironment = v.InferOutput<typeof KernelEnvironment>

/** Variables that the workers of every system take over. */
const WORKER_VARIABLES = ['FFMPEG_PATH', 'FFPROBE_PATH', 'LOG_LEVEL', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']

/** The shortest key that production takes, in characters. */
const MIN_KEY_LENGTH = 16

/** The settings of the gateway itself. */
const KERNEL_SECTION: SettingsSection = {
  title: 'Gateway',
  entries: KernelEnvironment.entries,
  problems: (env) => [...keyProblems(env), ...portProblems(env), ...clusterProblems(env)],
}

/** The settings that belong to no system: the gateway's own, and those of e-mail and the stores. */
export const KERNEL_SECTIONS: readonly SettingsSection[] = [KERNEL_SECTION, MAIL_SECTION, STORES_SECTION]

/**
 * Reads the kernel's settings from an environment, and checks those of the systems' sections. An empty variable counts as
 * unset. With neither a database nor ALLOW_PRIVATE_NETWORKS set, outside production, private addresses are allowed.
 * @throws SettingsError naming everything that is wrong at once
 */
export function readSettings(env: Env, sections: readonly SettingsSection[]): GivenSettings {
  const given = withoutEmpty(env)
  const problems = [...KERNEL_SECTIONS, ...sections].flatMap((section) => sectionProblems(section, given))
  if (problems.length > 0) throw new SettingsError(problems)
  return toSettings(v.parse(KernelEnvironment, given), given)
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

function toSettings(env: KernelEnvironment, raw: Env): GivenSettings {
  const databaseUrl = env.DATABASE_URL ?? env.DB_DSN ?? null
  const isOwnMachine = databaseUrl === null && env.NODE_ENV !== 'production'
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
    cluster: env.LAUNCHER === 'kubernetes' ? toClusterSettings(env) : null,
    reconcileIntervalMs: env.RECONCILE_INTERVAL,
    reconcileTimeoutMs: env.GATEWAY_RECONCILE_TIMEOUT,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    workerStartupTimeoutMs: env.WORKER_STARTUP_TIMEOUT,
    allowPrivateNetworks: env.ALLOW_PRIVATE_NETWORKS ?? isOwnMachine,
    allowAnySite: env.ALLOW_ANY_SITE,
    writesPerMinute: env.RATE_LIMIT_WRITES_PER_MIN,
    readsPerMinute: env.RATE_LIMIT_READS_PER_MIN,
    trustedProxies: env.TRUSTED_PROXIES ?? [],
    mail: readMailSettings(raw),
    unusedSettings: findUnusedStoreSettings(raw),
    workerEnv: pick(raw, WORKER_VARIABLES),
  }
}

function toClusterSettings(env: KernelEnvironment): ClusterSettings {
  return {
    workerImage: env.WORKER_IMAGE ?? '',
    workerSecret: env.WORKER_SECRET,
    namespace: env.NAMESPACE,
    kubeconfig: env.KUBECONFIG,
    deployment: env.GATEWAY_DEPLOYMENT,
  }
}

/** Returns the URL at which clients reach the gateway: `PUBLIC_URL`, otherwise its address on this machine. */
export function clientUrlOf(settings: Pick<GivenSettings, 'publicUrl' | 'host' | 'port'>): string {
  return settings.publicUrl ?? `http://${loopbackOf(settings.host)}:${settings.port}`
}

/** Returns the path below which clients reach the gateway: that of `PUBLIC_URL` without a slash at its end. */
export function pathPrefixOf(settings: Parameters<typeof clientUrlOf>[0]): string {
  return new URL(clientUrlOf(settings)).pathname.replace(/\/$/, '')
}

/** Returns where a client on this machine reaches a gateway that listens on `host`. */
function loopbackOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
