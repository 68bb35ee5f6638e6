import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import * as v from 'valibot'

import { createLog } from '../../shared/log.ts'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { CreatedMonitor, PublicMonitor } from '../monitors/present.ts'
import { startGatewayProcess } from '../testing/gateway-process.ts'

const KEYS = {
  API_KEY: 'bench-api-key-0123456789',
  INTERNAL_API_KEY: 'bench-internal-key-0123456789',
  WEBHOOK_SIGNING_KEY: 'bench-signing-key-0123456789',
} as const

/** The product as `npm start` runs it: gateway, workers and database in their own processes. */
export type BenchSystem = AsyncDisposable & {
  readonly origin: string
  readonly keys: typeof KEYS
  readonly databaseUrl: string
  /** Pid of the gateway. Workers, and an embedded Postgres, are its descendants. */
  readonly pid: number
  /** The last lines of its log, workers included. */
  readonly lastLines: readonly string[]
  call(method: string, path: string, body?: object): Promise<unknown>
  createMonitor(body: object): Promise<string>
  /** Resolves with the number of analysed segments once it is at least `atLeast`. */
  waitForSegments(id: string, atLeast: number, pollMs?: number): Promise<number>
}

const ENV = {
  ...KEYS,
  ALLOW_PRIVATE_NETWORKS: 'true',
  LOG_LEVEL: 'error',
  RATE_LIMIT_READS_PER_MIN: '1000000',
  RATE_LIMIT_WRITES_PER_MIN: '1000000',
}
/** Long, so that polling does not distort the measurement. */
const POLL_MS = 3000

export type BenchSystemOptions = {
  /** Runs the database outside of the gateway's process tree. */
  readonly separateDatabase?: boolean
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts the product on an empty data folder. */
export async function startBenchSystem(options: BenchSystemOptions = {}): Promise<BenchSystem> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  const signal = AbortSignal.timeout(60_000)
  const log = createLog('bench', 'error', console.error)
  const database = options.separateDatabase ? await startEmbeddedPostgres({ dataDir, log, signal }) : null
  const env = {
    ...ENV,
    DATA_DIR: dataDir,
    ...(database === null ? {} : { DATABASE_URL: database.url }),
    ...options.env,
  }
  const clear = async () => {
    await database?.[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  }
  const starting = startGatewayProcess({ port: await findFreePort(null), env, signal })
  const gateway = await starting.catch(async (error: unknown) => {
    await clear()
    throw error
  })
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
    async waitForSegments(id, atLeast, pollMs = POLL_MS) {
      for (const endMs = Date.now() + 120_000; Date.now() < endMs; await wait(pollMs)) {
        const { statistics } = v.parse(PublicMonitor, await call('GET', `/api/v1/monitors/${id}`))
        if (statistics.total_segments_analyzed >= atLeast) return statistics.total_segments_analyzed
      }
      throw new Error(`the monitor has not analysed ${atLeast} segments within two minutes`)
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await clear()
    },
  }
}
