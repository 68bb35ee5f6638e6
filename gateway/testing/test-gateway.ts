import { readFileSync } from 'node:fs'

import { deriveWorkerToken, signCallback } from '../../shared/signing.ts'
import { createLog } from '../../shared/log.ts'
import { OWN_PRESETS } from '../adapters/presets-file.ts'
import type { Settings } from '../config.ts'
import { startGateway, type Gateway } from '../node-gateway.ts'
import { readPresets } from '../presets.ts'
import type { Launcher } from '../workers/launcher.ts'
import { checkInvariants } from './invariants.ts'
import { createMemoryLauncher } from './memory-launcher.ts'
import { createTestDatabase, type TestDatabase } from './test-database.ts'

export const TEST_KEYS = {
  API_KEY: 'test-api-key-0123456789',
  INTERNAL_API_KEY: 'test-internal-key-0123456789',
  WEBHOOK_SIGNING_KEY: 'test-signing-key-0123456789',
} as const

export const TEST_SETTINGS: Settings = {
  port: 0,
  host: '127.0.0.1',
  internalPort: null,
  publicUrl: null,
  cluster: null,
  monitorResources: {
    requests: { cpu: '100m', memory: '256Mi' },
    limits: { cpu: '500m', memory: '512Mi' },
  },
  reconcileIntervalMs: 15_000,
  reconcileTimeoutMs: 30_000,
  otlpEndpoint: null,
  gatewayUrl: 'http://127.0.0.1:1',
  logLevel: 'error',
  keys: TEST_KEYS,
  maxMonitors: 50,
  workerStartupTimeoutMs: 60_000,
  scheduleLeadTimeMs: 600_000,
  allowPrivateNetworks: true,
  allowAnySite: false,
  writesPerMinute: 100_000,
  readsPerMinute: 100_000,
  workerEnv: {},
  jobs: {
    maxWorkers: 2,
    maxQueued: 1000,
    maxConcurrent: 1,
    timeoutSec: 3600,
    allowFileInput: false,
    presets: readPresets(readFileSync(OWN_PRESETS, 'utf8')),
    defaultStorage: 'local',
    storages: ['local', 's3'],
    storageDir: '/tmp/tallylight-no-media',
    workDir: '/tmp/ffmpeg-jobs',
    diskLimit: '40Gi',
    resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '4', memory: '4Gi' } },
    workerEnv: {},
    secretEnv: {},
  },
}

/** An answer of the API: parsed where it is JSON. */
export type ApiAnswer = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Json
}
// oxlint-disable-next-line typescript/no-explicit-any -- tests read answers freely
export type Json = any

/** A gateway in this process on a database of its own, and calls to it as a client and as a worker. */
export type TestGateway = AsyncDisposable & {
  readonly url: string
  readonly gateway: Gateway
  readonly database: TestDatabase
  /** What the gateway logged at error level. */
  readonly errors: readonly string[]
  api(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>
  /** A call signed as the worker of a monitor, or as the named one of a part of a job. */
  callback(caller: string | Caller, method: string, path: string, body: unknown): Promise<ApiAnswer>
  /** The same, by a clock that is off by `skewSec`. */
  skewed(skewSec: number): TestGateway['callback']
}

/** An assignment, and the name of the worker that speaks for it. */
export type Caller = { readonly id: string; readonly worker: string }

export type TestGatewayOptions = {
  readonly settings?: Partial<Settings>
  readonly launcher?: Launcher
  /** A second gateway on the database of a first one. */
  readonly database?: TestDatabase
}

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = options.database ?? (await createTestDatabase())
  const errors: string[] = []
  const gateway = await startGateway({
    settings: { ...TEST_SETTINGS, ...options.settings },
    databaseUrl: database.url,
    launcher: options.launcher ?? createMemoryLauncher(),
    log: createLog('gateway', 'error', (line) => errors.push(line)),
  })
  await gateway.started
  const url = `http://127.0.0.1:${gateway.port}`
  return {
    url,
    gateway,
    database,
    errors,
    ...callsTo(url),
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await checkInvariants(database.sql, { realWorkers: false })
      if (options.database === undefined) await database[Symbol.asyncDispose]()
    },
  }
}

/** Calls to a gateway as a client, by the key, and as a worker. */
export function callsTo(url: string): Pick<TestGateway, 'api' | 'callback' | 'skewed'> {
  return {
    api: (method, path, body, headers = {}) =>
      call(url + path, { method, body, headers: { 'x-api-key': TEST_KEYS.API_KEY, ...headers } }),
    callback: callbackAt(url, 0),
    skewed: (skewSec) => callbackAt(url, skewSec),
  }
}

function callbackAt(url: string, skewSec: number): TestGateway['callback'] {
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
): Promise<ApiAnswer> {
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
  return { status: answer.status, headers: answer.headers, text: content, json: parsed(content) }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
