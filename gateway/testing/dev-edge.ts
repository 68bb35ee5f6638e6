import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { createLog, type Log } from '../../shared/log.ts'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres.ts'
import { loadOrCreateKeys } from '../adapters/generated-keys.ts'
import { migrate } from '../adapters/postgres.ts'
import { replacePrivateFile } from '../adapters/private-file.ts'
import { bundleWorker } from '../adapters/worker-bundle.ts'
import { startFakeKubernetes } from './fake-kubernetes/index.ts'
import { TRIGGER_PATH } from './workerd.ts'
import { spawnWrangler } from './wrangler.ts'

/**
 * The edge gateway on this machine: `wrangler dev` with a Postgres of its own, unless DATABASE_URL names one, and with the
 * cluster that KUBERNETES_URL and KUBERNETES_TOKEN name, or else a stand-in for one whose Pods are processes of this
 * machine. Until SIGINT or SIGTERM.
 */
async function main(): Promise<void> {
  const stop = stopSignal()
  const port = Number(process.env['PORT'] || 8787)
  const dataDir = resolve(process.env['DATA_DIR'] || '.data', 'edge')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const log = createLog('dev-edge', 'info', say)
  const { keys } = await loadOrCreateKeys(dataDir)
  await using database = await openDatabase(dataDir, log, stop)
  await migrate(database.url, log)
  await using cluster = await openCluster(dataDir)
  const settings = {
    ...DEFAULTS,
    ...keys,
    ...ownSettings(),
    DATABASE_URL: database.url,
    GATEWAY_URL: process.env['GATEWAY_URL'] || `http://127.0.0.1:${port}`,
    ...cluster.settings,
  }
  await using wrangler = await startWrangler(dataDir, port, settings)
  const origin = `http://127.0.0.1:${port}`
  await untilServing(origin, AbortSignal.any([stop, wrangler.ended]))
  if (!stop.aborted && !wrangler.ended.aborted) announce(origin, settings)
  await keepTime(origin, AbortSignal.any([stop, wrangler.ended]))
  if (!stop.aborted) throw new Error('wrangler has ended')
  say('stopping')
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
  return stop.signal
}

/** Where all is on one machine; an empty one takes back what wrangler.jsonc has for a deployment. */
const DEFAULTS = {
  ALLOW_PRIVATE_NETWORKS: 'true',
  DNS_OVER_HTTPS_URL: '',
  NAMESPACE: 'tallylight',
  WORKER_IMAGE: 'tallylight-worker:dev',
}

/** What is taken over from the environment where it is set. */
const OWN =
  /^(?:API_KEY|INTERNAL_API_KEY|WEBHOOK_\w+|LOG_LEVEL|MAX_\w+|JOB_TIMEOUT|(?:S3|FTP|AWS|VALIDATION)_\w+|ALLOW_\w+|DNS_OVER_HTTPS_URL|NAMESPACE|WORKER_\w+|SCHEDULE_LEAD_TIME|RATE_LIMIT_\w+)$/

type Settings = Readonly<Record<string, string>>

function ownSettings(): Settings {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value && OWN.test(name) ? [[name, value]] : [])),
  )
}

async function openDatabase(dataDir: string, log: Log, signal: AbortSignal) {
  const given = process.env['DATABASE_URL']
  return given ? { url: given, [Symbol.asyncDispose]: async () => {} } : startEmbeddedPostgres({ dataDir, log, signal })
}

/** What is inherited by the processes that stand for Pods, and by nothing else. */
const WORKER_ENV = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'FFMPEG_PATH', 'FFPROBE_PATH', 'YTDLP_PATH', 'STREAMLINK_PATH']

async function openCluster(dataDir: string): Promise<AsyncDisposable & { readonly settings: Settings }> {
  const { KUBERNETES_URL, KUBERNETES_TOKEN } = process.env
  if (KUBERNETES_URL && KUBERNETES_TOKEN) {
    return { settings: { KUBERNETES_URL, KUBERNETES_TOKEN }, [Symbol.asyncDispose]: async () => {} }
  }
  say('no KUBERNETES_URL and KUBERNETES_TOKEN are set: a stand-in runs the workers as processes of this machine')
  const env = Object.fromEntries(WORKER_ENV.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
  const fake = await startFakeKubernetes({
    runPods: { entry: await bundleWorker(dataDir), env: { ...env, GATEWAY_PIPE: '1' } },
  })
  return {
    settings: { KUBERNETES_URL: fake.url, KUBERNETES_TOKEN: fake.token, NAMESPACE: fake.namespace },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  }
}

const STOP_WITHIN_MS = 5000

/** Secrets go by a file that only we may read, and not by arguments that everybody sees. */
async function startWrangler(dataDir: string, port: number, settings: Settings) {
  const envFile = join(dataDir, 'wrangler.env')
  await replacePrivateFile(
    envFile,
    Object.entries(settings)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(''),
  )
  const where = ['--ip', '127.0.0.1', '--port', `${port}`, '--inspector-port', '0']
  const how = ['--env-file', envFile, '--persist-to', join(dataDir, 'wrangler'), '--show-interactive-dev-session=false']
  // In a group of its own: Ctrl-C reaches us alone, and we end things in their order.
  const child = spawnWrangler(['dev', ...where, ...how], dataDir, ['ignore', 'inherit', 'inherit'])
  const ended = new AbortController()
  const exited = once(child, 'exit').then(() => ended.abort())
  return { ended: ended.signal, [Symbol.asyncDispose]: () => stopGroup(child, exited) }
}

async function stopGroup(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return
  child.kill('SIGTERM')
  await Promise.race([exited, delay(STOP_WITHIN_MS, undefined, { ref: false })])
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
  await exited
}

async function untilServing(origin: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(`${origin}/healthz`, { signal }).catch(() => null)
    if (answer !== null) return
    await delay(200, undefined, { signal }).catch(() => undefined)
  }
}

function announce(origin: string, settings: Settings): void {
  say(`the edge gateway serves at ${origin}, by its key:`)
  say(`  curl -s ${origin}/api/v1/monitors -H 'X-API-Key: ${settings['API_KEY']}'`)
}

const CRON_MS = 60_000

/** `wrangler dev` leaves cron triggers to whoever runs it. */
async function keepTime(origin: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    void fetch(origin + TRIGGER_PATH, { signal }).catch(() => undefined)
    await delay(CRON_MS, undefined, { signal }).catch(() => undefined)
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    say(`dev:edge cannot go on: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  },
)
