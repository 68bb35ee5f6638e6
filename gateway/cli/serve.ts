import { resolve } from 'node:path'

import type { Log } from '../../shared/log.ts'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { loadOrCreateKeys } from '../adapters/files/generated-keys.ts'
import { readInstalledResolver } from '../adapters/files/installed-resolver.ts'
import { createSettingTextReader } from '../adapters/files/setting-text.ts'
import { createPasswordHasher } from '../adapters/scrypt/password-hasher.ts'
import { openLauncher } from '../adapters/open-launcher.ts'
import { configureSystems } from '../operations/configure-systems.ts'
import { clientUrlOf } from '../settings/read-settings.ts'
import type { GivenSettings, Keys, Settings } from '../settings/settings.ts'
import type { ConfiguredSystem } from '../system.ts'
import { systems as allSystems } from '../systems.ts'
import { startGateway } from './start-gateway.ts'
import { welcomeLines, type WelcomeKey } from './welcome.ts'

/** Serves on Node until SIGTERM or SIGINT: settings -> adapters -> context -> serve. */
export async function serve(given: GivenSettings, log: Log): Promise<void> {
  const stop = stopSignal()
  const { keys, welcomeKey } = await settleKeys(given)
  const settings: Settings = { ...given, keys }
  const systems = await configureSystems(allSystems, {
    env: process.env,
    settings,
    dataDir: given.dataDir,
    // In a cluster, workers have the yt-dlp of their image.
    installedResolver: given.cluster === null ? await readInstalledResolver(given.dataDir) : null,
    readText: createSettingTextReader(process.env),
    toAbsolute: (path) => resolve(path),
  })
  const database = await openDatabase(given, log, stop)
  try {
    const roles = systems.flatMap(({ workerRoles }) => workerRoles)
    await using opened = await openLauncher({ ...given, roles, log, writeLine })
    const { launcher } = opened
    const gateway = await startGateway({
      settings,
      systems,
      databaseUrl: database.url,
      launcher,
      passwordHasher: createPasswordHasher(),
      log,
    })
    try {
      const announced = gateway.started.then(() => announce({ settings, systems, log, key: welcomeKey }))
      await Promise.race([announced, whenAborted(stop)])
      await whenAborted(stop)
    } finally {
      log.info('stopping: workers and webhooks finish')
      await gateway.close()
    }
  } finally {
    await database.close()
    log.info('stopped')
  }
}

/** Writes a line of the log. */
export function writeLine(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Returns a signal that aborts at the first SIGTERM or SIGINT; npm and the terminal each send more of them. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort())
  return stop.signal
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolveWait) => signal.addEventListener('abort', resolveWait, { once: true }))
}

/** Returns the keys that were set, and for the others those of the data folder, generated at the first start. */
async function settleKeys({ givenKeys, dataDir }: GivenSettings): Promise<{ keys: Keys; welcomeKey: WelcomeKey }> {
  const { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY } = givenKeys
  if (API_KEY !== undefined && INTERNAL_API_KEY !== undefined && WEBHOOK_SIGNING_KEY !== undefined) {
    return { keys: { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY }, welcomeKey: { kind: 'set' } }
  }
  const { keys: stored, isNew } = await loadOrCreateKeys(dataDir)
  const keys = { ...stored, ...givenKeys }
  if (isNew) showSigningKey(keys, dataDir)
  if (API_KEY !== undefined) return { keys, welcomeKey: { kind: 'set' } }
  // A log file must not collect the key at every start.
  if (!isNew && !process.stderr.isTTY) return { keys, welcomeKey: { kind: 'stored', path: `${dataDir}/keys.json` } }
  return { keys, welcomeKey: { kind: 'shown', key: keys.API_KEY } }
}

/** Shows the new signing key once, on stderr: it does not go into the log. The welcome shows the API key. */
function showSigningKey(keys: Keys, dataDir: string): void {
  const lines = [
    `Keys were made and are kept in ${dataDir}/keys.json.`,
    `WEBHOOK_SIGNING_KEY  ${keys.WEBHOOK_SIGNING_KEY}`,
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
}

async function openDatabase({ databaseUrl, dataDir }: GivenSettings, log: Log, signal: AbortSignal) {
  if (databaseUrl !== null) return { url: databaseUrl, close: async () => {} }
  const embedded = await startEmbeddedPostgres({ dataDir, log, signal })
  return { url: embedded.url, close: async () => embedded[Symbol.asyncDispose]() }
}

const LOOPBACK = /^(?:localhost|127\..*|\[::1\])$/

type Announcement = {
  readonly settings: Settings
  readonly systems: readonly ConfiguredSystem[]
  readonly log: Log
  readonly key: WelcomeKey
}

/** Logs that the gateway serves, with what its user should know, and shows what to do next. */
function announce({ settings, systems, log, key }: Announcement): void {
  if (settings.allowPrivateNetworks) {
    log.warn('streams and webhooks at private addresses are allowed; ALLOW_PRIVATE_NETWORKS=false forbids them')
  }
  if (settings.cluster !== null && LOOPBACK.test(new URL(settings.gatewayUrl).hostname)) {
    log.warn('no Pod can reach the gateway at a loopback address; set GATEWAY_URL', { url: settings.gatewayUrl })
  }
  for (const setting of settings.unusedSettings) {
    log.warn('setting ignored: its store is not set up', { setting })
  }
  if (settings.mail !== null && settings.mail.server === null) {
    log.warn('mails wait for another gateway to send them; set SMTP_URL for this one to do so')
  }
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  log.info('ready', { url: `http://${host}:${settings.port}`, docs: '/docs' })
  const ofSystems = systems.flatMap(({ welcome }) => welcome ?? [])
  const lines = welcomeLines({ url: clientUrlOf(settings), key, isTerminal: process.stderr.isTTY, ofSystems })
  process.stderr.write(`${lines.join('\n')}\n`)
}
