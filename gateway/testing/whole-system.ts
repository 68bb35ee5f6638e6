import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { inject } from 'vitest'

import { PATIENCE_MS, until } from '../../shared/testing/until.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { readEmbeddedUrl } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { SOURCE_PROGRAM, startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { readPostmasterPid } from './find-processes.ts'
import { startReceiver, type ReceiverBehaviour, type Receiver } from './receiver.ts'
import { createTestDatabase } from './test-database.ts'
import { TEST_KEYS, type Json } from './test-gateway.ts'

/** The product on an empty data folder: gateway, database and workers; and a webhook receiver. */
export type WholeSystem = AsyncDisposable & {
  readonly dataDir: string
  readonly databaseUrl: string
  readonly receiver: Receiver
  gateway(): GatewayProcess
  /** Starts a gateway on the same data folder and port; the previous one must have ended. */
  startGateway(): Promise<void>
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; json: Json; retryAfter: string | null }>
}

export type WholeSystemOptions = {
  /** Chooses the responses of the receiver. */
  readonly behaviour?: ReceiverBehaviour
  /** Runs the gateway from its sources, as users do. By default tests run the bundle, which starts faster. */
  readonly isFromSource?: boolean
  /** Has its own Postgres, as with users who set none. By default tests have a new database of the run's Postgres. */
  readonly isEmbedded?: boolean
}

/** The programs outside of vitest run as users do. */
const DEFAULTS: WholeSystemOptions = process.env['VITEST'] === undefined ? { isFromSource: true, isEmbedded: true } : {}

/** Starts the product with further settings. */
export async function startWholeSystem(
  settings: Record<string, string> = {},
  options: WholeSystemOptions = {},
): Promise<WholeSystem> {
  const { behaviour, isFromSource, isEmbedded } = { ...DEFAULTS, ...options }
  const database = await openTestDatabase(settings, isEmbedded)
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-faults-'))
  const receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY, behaviour)
  const port = await findFreePort(null)
  const env = {
    ...TEST_KEYS,
    DATA_DIR: dataDir,
    ALLOW_PRIVATE_NETWORKS: 'true',
    RATE_LIMIT_READS_PER_MIN: '100000',
    // Tests of broadcasts start their own.
    INGEST_WORKERS: '0',
    // Before its ingest has reported, a gateway names this port: at the usual one another program may listen.
    RTMP_PORT: String(await findFreePort(null)),
    ...settings,
    ...database?.settings,
  }
  const program = isFromSource ? SOURCE_PROGRAM : [inject('gatewayEntry')]
  const start = () => startGatewayProcess({ port, env, program, signal: AbortSignal.timeout(PATIENCE_MS) })
  async function clear(): Promise<void> {
    await receiver[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
    await database?.dispose()
  }
  let gateway = await start().catch(async (error: unknown) => {
    await clear()
    throw error
  })
  return {
    dataDir,
    databaseUrl: database?.settings.DATABASE_URL ?? (await requireEmbeddedUrl(dataDir)),
    receiver,
    gateway: () => gateway,
    async startGateway() {
      gateway = await start()
    },
    api: (method, path, body, headers = {}) => call(gateway.origin + path, { method, body, headers }),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await clear()
    },
  }
}

type UsedDatabase = { readonly settings: { readonly DATABASE_URL: string }; readonly dispose: () => PromiseLike<void> }

/** Returns the database of the settings, or a new one of the run's Postgres; `null` where the system has its own. */
async function openTestDatabase(settings: Record<string, string>, isEmbedded = false): Promise<UsedDatabase | null> {
  const { DATABASE_URL } = settings
  if (DATABASE_URL !== undefined) return { settings: { DATABASE_URL }, dispose: async () => {} }
  if (isEmbedded) return null
  const database = await createTestDatabase()
  return { settings: { DATABASE_URL: database.url }, dispose: () => database[Symbol.asyncDispose]() }
}

async function requireEmbeddedUrl(dataDir: string): Promise<string> {
  const url = await readEmbeddedUrl(dataDir)
  if (url === null) throw new Error(`${dataDir} has no embedded database`)
  return url
}

type Call = { readonly method: string; readonly body: unknown; readonly headers: Record<string, string> }

/** Calls the API with the key of a client. */
async function call(url: string, { method, body, headers }: Call): ReturnType<WholeSystem['api']> {
  const answer = await fetch(url, {
    method,
    headers: { 'x-api-key': TEST_KEYS.API_KEY, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  const text = await answer.text()
  const json = text === '' ? null : JSON.parse(text)
  return { status: answer.status, json, retryAfter: answer.headers.get('retry-after') }
}

/** Kills the database with SIGKILL; resolves once another one runs and the gateway is ready again. */
export async function killPostgres({ dataDir, api }: Pick<WholeSystem, 'dataDir' | 'api'>): Promise<void> {
  const pid = readPostmasterPid(dataDir)
  if (pid === null) throw new Error('there is no database to kill')
  process.kill(pid, 'SIGKILL')
  const isAnother = () => ![null, pid].includes(readPostmasterPid(dataDir))
  const isBack = async () => isAnother() && (await api('GET', '/readyz')).status === 200
  await until(isBack, 'another database runs and the gateway is ready again')
}
