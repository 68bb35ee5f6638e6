import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { findFreePort } from '../adapters/free-port.ts'
import { clusterUrl } from '../adapters/postgres-cluster.ts'
import { startGatewayProcess, type GatewayProcess } from './gateway-process.ts'
import { postmasterPid } from './processes.ts'
import { startReceiver, type Answer, type Receiver } from './receiver.ts'
import { TEST_KEYS, type Json } from './test-gateway.ts'

/** A whole system on an empty data folder, as users start it: a gateway with its database and its workers; a receiver. */
export type WholeSystem = AsyncDisposable & {
  readonly dataDir: string
  readonly databaseUrl: string
  readonly receiver: Receiver
  gateway(): GatewayProcess
  /** Starts a gateway on the same data folder and port; the one before must be dead. */
  startGateway(): Promise<void>
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; json: Json; retryAfter: string | null }>
}

export async function startWholeSystem(
  settings: Record<string, string> = {},
  answering?: Answer,
): Promise<WholeSystem> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-faults-'))
  const receiver = await startReceiver(TEST_KEYS.WEBHOOK_SIGNING_KEY, answering)
  const port = await findFreePort(null)
  const env = {
    ...TEST_KEYS,
    DATA_DIR: dataDir,
    ALLOW_PRIVATE_NETWORKS: 'true',
    RATE_LIMIT_READS_PER_MIN: '100000',
    ...settings,
  }
  const start = () => startGatewayProcess({ port, env, signal: AbortSignal.timeout(60_000) })
  async function clear(): Promise<void> {
    await receiver[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  }
  let gateway = await start().catch(async (error: unknown) => {
    await clear()
    throw error
  })
  return {
    dataDir,
    databaseUrl: settings['DATABASE_URL'] ?? (await embeddedUrl(dataDir)),
    receiver,
    gateway: () => gateway,
    async startGateway() {
      gateway = await start()
    },
    async api(method, path, body, headers = {}) {
      const answer = await fetch(gateway.origin + path, {
        method,
        headers: { 'x-api-key': TEST_KEYS.API_KEY, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(15_000),
      })
      return { status: answer.status, json: await answer.json(), retryAfter: answer.headers.get('retry-after') }
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await clear()
    },
  }
}

/** How the gateway reaches the database that it runs itself. */
async function embeddedUrl(dataDir: string): Promise<string> {
  const { port, password } = JSON.parse(await readFile(join(dataDir, 'postgres.json'), 'utf8'))
  return clusterUrl(port, password)
}

/** Resolves once the condition holds; throws with what did not come about. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 20_000,
): Promise<void> {
  const endMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`it did not come about that ${what}`)
    await wait(50)
  }
}

/** kill -9 of the database; resolves once another one runs and the gateway is ready again: within 10 s. */
export async function killPostgres({ dataDir, api }: Pick<WholeSystem, 'dataDir' | 'api'>): Promise<void> {
  const pid = postmasterPid(dataDir)
  if (pid === null) throw new Error('there is no database to kill')
  process.kill(pid, 'SIGKILL')
  const isAnother = () => ![null, pid].includes(postmasterPid(dataDir))
  const isBack = async () => isAnother() && (await api('GET', '/readyz')).status === 200
  await until(isBack, 'another database is there and the gateway ready again', 10_000)
}
