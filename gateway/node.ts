import { resolve } from 'node:path'

import { createLog, type Log } from '../shared/log.ts'
import { startEmbeddedPostgres } from './adapters/embedded-postgres.ts'
import { loadOrCreateKeys } from './adapters/generated-keys.ts'
import { openLauncher } from './adapters/open-launcher.ts'
import { migrate } from './adapters/postgres.ts'
import { readPresetsFile } from './adapters/presets-file.ts'
import { readSettings, type GivenSettings, type Keys, type Settings } from './config.ts'
import type { JobSettings } from './job-settings.ts'
import { startGateway } from './node-gateway.ts'
import { systems } from './systems.ts'

/** `node gateway/node.ts` serves; `node gateway/node.ts migrate` only brings the database up to date. */
async function main(command: string | undefined): Promise<void> {
  const given = readSettings(process.env)
  const log = createLog('gateway', given.logLevel, writeLine)
  if (command === undefined) return serve(given, log)
  if (command !== 'migrate') throw new Error(`there is no command "${command}": migrate, or none to serve`)
  if (given.databaseUrl === null)
    throw new Error('migrate needs DATABASE_URL; the embedded database needs no migrating')
  await migrate(given.databaseUrl, log)
  log.info('the database is up to date')
}

/** The gateway on Node: settings → adapters → context → serve, until SIGTERM or SIGINT. */
async function serve(given: GivenSettings, log: Log): Promise<void> {
  const stop = stopSignal()
  const presets = await readPresetsFile(given.jobs.presetsFile)
  const settings: Settings = { ...given, keys: await settleKeys(given), jobs: atHome({ ...given.jobs, presets }) }
  const database = await openDatabase(given, log, stop)
  try {
    const roles = systems.map(({ workerKind }) => workerKind.role(settings))
    await using opened = await openLauncher({ ...given, roles, log, writeLine })
    const { launcher } = opened
    const gateway = await startGateway({ settings, databaseUrl: database.url, launcher, log })
    try {
      await Promise.race([gateway.started.then(() => announce(settings, log)), once(stop)])
      await once(stop)
    } finally {
      log.info('stopping: workers and webhooks finish')
      await gateway.close()
    }
  } finally {
    await database.close()
    log.info('stopped')
  }
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Aborts at the first SIGTERM or SIGINT; further ones (npm and the terminal send their own) change nothing. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
  return stop.signal
}

async function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((done) => signal.addEventListener('abort', done, { once: true }))
}

/** The keys that were set, and for the rest those of the data folder, made at the first start. */
async function settleKeys({ givenKeys, dataDir }: GivenSettings): Promise<Keys> {
  const { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY } = givenKeys
  if (API_KEY !== undefined && INTERNAL_API_KEY !== undefined && WEBHOOK_SIGNING_KEY !== undefined) {
    return { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY }
  }
  const { keys, isNew } = await loadOrCreateKeys(dataDir)
  if (isNew) showKeys({ ...keys, ...givenKeys }, dataDir)
  return { ...keys, ...givenKeys }
}

/** On the terminal, once, and not in the log. */
function showKeys(keys: Keys, dataDir: string): void {
  const lines = [
    `Keys were made and are kept in ${dataDir}/keys.json:`,
    `  API_KEY              ${keys.API_KEY}`,
    `  WEBHOOK_SIGNING_KEY  ${keys.WEBHOOK_SIGNING_KEY}`,
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}

async function openDatabase({ databaseUrl, dataDir }: GivenSettings, log: Log, signal: AbortSignal) {
  if (databaseUrl !== null) return { url: databaseUrl, close: async () => {} }
  const embedded = await startEmbeddedPostgres({ dataDir, log, signal })
  return { url: embedded.url, close: async () => embedded[Symbol.asyncDispose]() }
}

/** Wherever a worker runs on this machine, it finds the same folder. */
function atHome(jobs: JobSettings): JobSettings {
  if (jobs.storageDir === null) return jobs
  const storageDir = resolve(jobs.storageDir)
  return { ...jobs, storageDir, workerEnv: { ...jobs.workerEnv, STORAGE_DIR: storageDir } }
}

const LOOPBACK = /^(?:localhost|127\..*|\[::1\])$/

function announce(settings: Settings, log: Log): void {
  if (settings.allowPrivateNetworks) {
    log.warn('streams and webhooks at private addresses are allowed; ALLOW_PRIVATE_NETWORKS=false forbids them')
  }
  if (settings.cluster !== null && LOOPBACK.test(new URL(settings.gatewayUrl).hostname)) {
    log.warn('no Pod can reach the gateway at a loopback address; set GATEWAY_URL', { url: settings.gatewayUrl })
  }
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  log.info('ready', { url: `http://${host}:${settings.port}`, docs: '/docs', max_monitors: settings.maxMonitors })
}

main(process.argv[2]).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`Tallylight cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
