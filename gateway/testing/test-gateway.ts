import { resolve } from 'node:path'

import { deriveWorkerToken, signCallback } from '../../shared/net/signing.ts'
import { createLog } from '../../shared/log.ts'
import { createPasswordHasher } from '../adapters/scrypt/password-hasher.ts'
import { createSettingTextReader } from '../adapters/files/setting-text.ts'
import { startGateway, type Gateway } from '../cli/start-gateway.ts'
import type { Launcher } from '../ports/launcher.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import { configureSystems } from '../operations/configure-systems.ts'
import { readSettings } from '../settings/read-settings.ts'
import type { ConfiguredSystem, System } from '../system.ts'
import { systems as allSystems } from '../systems.ts'
import { checkInvariants } from './invariants/check-invariants.ts'
import { createMemoryLauncher } from './workers/memory-launcher.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'
import type { Settings } from '../settings/settings.ts'

export const TEST_KEYS = {
  API_KEY: 'test-api-key-0123456789',
  INTERNAL_API_KEY: 'test-internal-key-0123456789',
  WEBHOOK_SIGNING_KEY: 'test-signing-key-0123456789',
} as const

/** The environment of test gateways, on both runtimes; a test adds its own variables. */
export const TEST_ENV: Readonly<Record<string, string>> = {
  ...TEST_KEYS,
  HOST: '127.0.0.1',
  GATEWAY_URL: 'http://127.0.0.1:1',
  LOG_LEVEL: 'error',
  ALLOW_PRIVATE_NETWORKS: 'true',
  RATE_LIMIT_WRITES_PER_MIN: '100000',
  RATE_LIMIT_READS_PER_MIN: '100000',
  STORAGE_DIR: '/tmp/tallylight-no-media',
  S3_BUCKET: 'outputs',
  // Tests of broadcasts start their own.
  INGEST_WORKERS: '0',
  LIVE_WATCHDOG: 'false',
}

/** Returns the settings of a test gateway, which listens on a free port, and its configured systems. */
export async function createTestSettings(
  env: Readonly<Record<string, string>> = {},
  definitions: readonly System[] = allSystems,
): Promise<{ settings: Settings; systems: ConfiguredSystem[] }> {
  const all = { ...TEST_ENV, ...env }
  const given = readSettings(
    all,
    definitions.map((system) => system.settings),
  )
  const settings: Settings = { ...given, port: 0, keys: TEST_KEYS }
  const systems = await configureSystems(definitions, {
    env: all,
    settings,
    dataDir: '/tmp/tallylight-no-data',
    readText: createSettingTextReader(all),
    toAbsolute: (path) => resolve(path),
  })
  return { settings, systems }
}

/** A response of the API; `json` is `undefined` where the body is not JSON. */
export type ApiResponse = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Json
}
// oxlint-disable-next-line typescript/no-explicit-any -- tests read responses freely
export type Json = any

/** A gateway in this process with its own database, and calls to it as a client and as a worker. */
export type TestGateway = AsyncDisposable & {
  readonly url: string
  readonly gateway: Gateway
  readonly database: TestDatabase
  /** Lines that the gateway logged at error level. */
  readonly errors: readonly string[]
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiResponse>
  /** Sends a call signed as the worker of a monitor, or as the named worker of a job's task. */
  callback(caller: string | Caller, method: string, path: string, body: unknown): Promise<ApiResponse>
  /** Returns a `callback` whose clock is off by `skewSec`. */
  callbackSkewedBy(skewSec: number): TestGateway['callback']
}

/** An assignment, and the name of the worker that calls for it. */
export type Caller = { readonly id: string; readonly worker: string }

/** Hashes of a test need not resist an attacker: one costs a thousandth of a real one. */
export const quickHasher = createPasswordHasher({ ln: 6, r: 8, p: 1 })

/** A connection costs Postgres as much CPU as hundreds of queries. */
const POOL_SIZE = 4

export type TestGatewayOptions = {
  /** Variables on top of `TEST_ENV`. */
  readonly env?: Readonly<Record<string, string>>
  readonly launcher?: Launcher
  /** A second gateway on the database of a first one. */
  readonly database?: TestDatabase
  readonly passwordHasher?: PasswordHasher
}

/** Starts a gateway on a new database. Dispose also checks the invariants of the database. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = options.database ?? (await createTestDatabase())
  const errors: string[] = []
  const gateway = await startGateway({
    ...(await createTestSettings(options.env)),
    databaseUrl: database.url,
    poolSize: POOL_SIZE,
    launcher: options.launcher ?? createMemoryLauncher(),
    passwordHasher: options.passwordHasher ?? quickHasher,
    log: createLog('gateway', 'error', (line) => errors.push(line)),
  })
  await gateway.started
  const url = `http://127.0.0.1:${gateway.port}`
  return {
    url,
    gateway,
    database,
    errors,
    ...createApiCalls(url),
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await checkInvariants(database.sql, { realWorkers: false })
      if (options.database === undefined) await database[Symbol.asyncDispose]()
    },
  }
}

/** Creates calls to a gateway, with the API key as a client or signed as a worker. */
export function createApiCalls(url: string): Pick<TestGateway, 'api' | 'callback' | 'callbackSkewedBy'> {
  return {
    api: (method, path, body, headers = {}) =>
      call(url + path, { method, body, headers: { 'x-api-key': TEST_KEYS.API_KEY, ...headers } }),
    callback: createCallback(url, 0),
    callbackSkewedBy: (skewSec) => createCallback(url, skewSec),
  }
}

function createCallback(url: string, skewSec: number): TestGateway['callback'] {
  return async (caller, method, path, body) => {
    const { id, worker } = typeof caller === 'string' ? { id: caller, worker: 'test' } : caller
    const token = id.startsWith('mon-')
      ? deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, 'monitor', id)
      : deriveWorkerToken(TEST_KEYS.INTERNAL_API_KEY, 'job', id, worker)
    const timestamp = String(Math.floor(Date.now() / 1000) + skewSec)
    const signature = signCallback(token, timestamp, { method, path, body: JSON.stringify(body) })
    const headers = { 'x-timestamp': timestamp, 'x-signature-256': signature, 'x-worker-id': worker }
    return call(url + path, { method, body, headers })
  }
}

async function call(
  url: string,
  request: { method: string; body: unknown; headers: Record<string, string> },
): Promise<ApiResponse> {
  const { method, body, headers } = request
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(url, {
    method,
    headers: { ...json, ...headers },
    ...(body === undefined ? {} : { body: text }),
    redirect: 'manual',
  })
  const content = await answer.text()
  return { status: answer.status, headers: answer.headers, text: content, json: parseJson(content) }
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
