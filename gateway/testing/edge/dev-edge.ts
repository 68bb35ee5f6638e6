import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { createLog, type Log } from '../../../shared/log.ts'
import { startEmbeddedPostgres } from '../../adapters/embedded-postgres/embedded-postgres.ts'
import { loadOrCreateKeys } from '../../adapters/files/generated-keys.ts'
import { migrate } from '../../adapters/postgres/connect.ts'
import { replacePrivateFile } from '../../adapters/files/private-file.ts'
import { bundleWorker } from '../../adapters/process/worker-bundle.ts'
import { startFakeKubernetes } from '../fake-kubernetes/index.ts'
import { CRON_TRIGGER_PATH } from './workerd.ts'
import { spawnWrangler } from './wrangler.ts'

/**
 * Runs the edge gateway on this machine until SIGINT or SIGTERM: `wrangler dev` with the database of DATABASE_URL or an
 * embedded one, and the cluster of KUBERNETES_URL and KUBERNETES_TOKEN or a fake one that runs Pods as processes.
 */
async function runDevEdge(): Promise<void> {
  const stop = createStopSignal()
  const port = Number(process.env['PORT'] || 8787)
  const dataDir = resolve(process.env['DATA_DIR'] || '.data', 'edge')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const log = createLog('dev-edge', 'info', printLine)
  const { keys } = await loadOrCreateKeys(dataDir)
  await using database = await openDatabase(dataDir, log, stop)
  await migrate(database.url, log)
  await using cluster = await openCluster(dataDir)
  const settings = {
    ...DEFAULTS,
    ...keys,
    ...readInheritedSettings(),
    DATABASE_URL: database.url,
    GATEWAY_URL: process.env['GATEWAY_URL'] || `http://127.0.0.1:${port}`,
    ...cluster.settings,
  }
  await using wrangler = await startWrangler(dataDir, port, settings)
  const origin = `http://127.0.0.1:${port}`
  await waitUntilServing(origin, AbortSignal.any([stop, wrangler.ended]))
  if (!stop.aborted && !wrangler.ended.aborted) printUsage(origin, settings)
  await triggerCronUntilAborted(origin, AbortSignal.any([stop, wrangler.ended]))
  if (!stop.aborted) throw new Error('wrangler has ended unexpectedly')
  printLine('stopping')
}

function printLine(line: string): void {
  process.stderr.write(`${line}\n`)
}

function createStopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
  return stop.signal
}

/** Settings for one machine; an empty value removes a setting of wrangler.jsonc that is for deployments. */
const DEFAULTS = {
  ALLOW_PRIVATE_NETWORKS: 'true',
  DNS_OVER_HTTPS_URL: '',
  NAMESPACE: 'tallylight',
  WORKER_IMAGE: 'tallylight-worker:dev',
}

/** Settings that are taken from the environment where they are set. */
const INHERITED_SETTINGS =
  /^(?:API_KEY|INTERNAL_API_KEY|WEBHOOK_\w+|LOG_LEVEL|MAX_\w+|JOB_TIMEOUT|(?:S3|FTP|AWS|VALIDATION)_\w+|ALLOW_\w+|DNS_OVER_HTTPS_URL|NAMESPACE|WORKER_\w+|SCHEDULE_LEAD_TIME|RATE_LIMIT_\w+)$/

type EdgeBindings = Readonly<Record<string, string>>

function readInheritedSettings(): EdgeBindings {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value && INHERITED_SETTINGS.test(name) ? [[name, value]] : [],
    ),
  )
}

async function openDatabase(dataDir: string, log: Log, signal: AbortSignal) {
  const given = process.env['DATABASE_URL']
  return given ? { url: given, [Symbol.asyncDispose]: async () => {} } : startEmbeddedPostgres({ dataDir, log, signal })
}

/** Variables that the processes of the fake cluster's Pods inherit. */
const WORKER_ENV = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'FFMPEG_PATH', 'FFPROBE_PATH', 'YTDLP_PATH', 'STREAMLINK_PATH']

async function openCluster(dataDir: string): Promise<AsyncDisposable & { readonly settings: EdgeBindings }> {
  const { KUBERNETES_URL, KUBERNETES_TOKEN } = process.env
  if (KUBERNETES_URL && KUBERNETES_TOKEN) {
    return { settings: { KUBERNETES_URL, KUBERNETES_TOKEN }, [Symbol.asyncDispose]: async () => {} }
  }
  printLine(
    'no KUBERNETES_URL and KUBERNETES_TOKEN are set: a fake cluster runs the workers as processes of this machine',
  )
  const env = Object.fromEntries(WORKER_ENV.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
  const fake = await startFakeKubernetes({
    runPods: { entry: await bundleWorker(dataDir), env: { ...env, GATEWAY_PIPE: '1' } },
  })
  return {
    settings: { KUBERNETES_URL: fake.url, KUBERNETES_TOKEN: fake.token, NAMESPACE: fake.namespace },
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  }
}

const STOP_GRACE_MS = 5000

/** Starts `wrangler dev`. Settings are passed in a private file, because arguments are visible to other users. */
async function startWrangler(dataDir: string, port: number, settings: EdgeBindings) {
  const envFile = join(dataDir, 'wrangler.env')
  await replacePrivateFile(
    envFile,
    Object.entries(settings)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(''),
  )
  const where = ['--ip', '127.0.0.1', '--port', `${port}`, '--inspector-port', '0']
  const how = ['--env-file', envFile, '--persist-to', join(dataDir, 'wrangler'), '--show-interactive-dev-session=false']
  // Its own process group: Ctrl-C does not reach it, and everything is stopped in order.
  const child = spawnWrangler(['dev', ...where, ...how], dataDir, ['ignore', 'inherit', 'inherit'])
  const ended = new AbortController()
  const exited = once(child, 'exit').then(() => ended.abort())
  return { ended: ended.signal, [Symbol.asyncDispose]: () => stopGroup(child, exited) }
}

async function stopGroup(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return
  child.kill('SIGTERM')
  await Promise.race([exited, delay(STOP_GRACE_MS, undefined, { ref: false })])
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The process group is empty.
  }
  await exited
}

async function waitUntilServing(origin: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await fetch(`${origin}/healthz`, { signal }).catch(() => null)
    if (answer !== null) return
    await delay(200, undefined, { signal }).catch(() => undefined)
  }
}

function printUsage(origin: string, settings: EdgeBindings): void {
  printLine(`the edge gateway serves at ${origin}; its key:`)
  printLine(`  curl -s ${origin}/api/v1/monitors -H 'X-API-Key: ${settings['API_KEY']}'`)
}

const CRON_INTERVAL_MS = 60_000

/** Fires the cron trigger every minute, which `wrangler dev` does not do itself. */
async function triggerCronUntilAborted(origin: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    void fetch(origin + CRON_TRIGGER_PATH, { signal }).catch(() => undefined)
    await delay(CRON_INTERVAL_MS, undefined, { signal }).catch(() => undefined)
  }
}

runDevEdge().then(
  () => process.exit(0),
  (error: unknown) => {
    printLine(`dev:edge failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(1)
  },
)
