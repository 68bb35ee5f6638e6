import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import * as v from 'valibot'

import { createLog } from '../../../shared/log.ts'
import { startEmbeddedPostgres } from '../../adapters/embedded-postgres.ts'
import { findFreePort } from '../../adapters/free-port.ts'
import { CreatedMonitor, PublicMonitor } from '../../monitors/present.ts'
import { startGatewayProcess } from '../gateway-process.ts'

const KEYS = {
  API_KEY: 'bench-api-key-0123456789',
  INTERNAL_API_KEY: 'bench-internal-key-0123456789',
  WEBHOOK_SIGNING_KEY: 'bench-signing-key-0123456789',
} as const

/** The product as it is started by `npm start`, with its database, in processes of their own. */
export type BenchSystem = AsyncDisposable & {
  readonly origin: string
  readonly keys: typeof KEYS
  readonly databaseUrl: string
  /** The gateway's process; workers and, where it is embedded, Postgres are its descendants. */
  readonly pid: number
  /** What it logged last, its workers included. */
  readonly lastLines: readonly string[]
  call(method: string, path: string, body?: object): Promise<unknown>
  createMonitor(body: object): Promise<string>
  /** Resolves once the monitor has analysed that many segments, with how many it has. */
  segmentsAnalyzed(id: string, atLeast: number, pollMs?: number): Promise<number>
}

const ENV = {
  ...KEYS,
  ALLOW_PRIVATE_NETWORKS: 'true',
  LOG_LEVEL: 'error',
  RATE_LIMIT_READS_PER_MIN: '1000000',
  RATE_LIMIT_WRITES_PER_MIN: '1000000',
}
/** Seldom: what is measured must not be the measuring. */
const POLL_MS = 3000

export type SystemOptions = {
  /** The database outlives the gateway, and is not among its descendants. */
  readonly ownDatabase?: boolean
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts it on an empty data folder. */
export async function startSystem(options: SystemOptions = {}): Promise<BenchSystem> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  const signal = AbortSignal.timeout(60_000)
  const log = createLog('bench', 'error', console.error)
  const database = options.ownDatabase ? await startEmbeddedPostgres({ dataDir, log, signal }) : null
  const env = {
    ...ENV,
    DATA_DIR: dataDir,
    ...(database === null ? {} : { DATABASE_URL: database.url }),
    ...options.env,
  }
  const gateway = await startGatewayProcess({ port: await findFreePort(null), env, signal })
  const call = async (method: string, path: string, body?: object) => {
    const headers = { 'x-api-key': KEYS.API_KEY, 'content-type': 'application/json' }
    const answer = await fetch(gateway.origin + path, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  return {
    origin: gateway.origin,
    keys: KEYS,
    databaseUrl: database?.url ?? '',
    pid: gateway.pid,
    lastLines: gateway.lastLines,
    call,
    createMonitor: async (body) => v.parse(CreatedMonitor, await call('POST', '/api/v1/monitors', body)).monitor_id,
    async segmentsAnalyzed(id, atLeast, pollMs = POLL_MS) {
      for (const endMs = Date.now() + 120_000; Date.now() < endMs; await wait(pollMs)) {
        const { statistics } = v.parse(PublicMonitor, await call('GET', `/api/v1/monitors/${id}`))
        if (statistics.total_segments_analyzed >= atLeast) return statistics.total_segments_analyzed
      }
      throw new Error(`the monitor has not analysed ${atLeast} segments within two minutes`)
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await database?.[Symbol.asyncDispose]()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
