import { findFreePort } from '../../adapters/http/free-port.ts'
import { createTemporaryFolder } from '../../demo/demo-gateway.ts'
import { startGatewayProcess, type GatewayProcess } from '../../testing/gateway-process.ts'
import { TEST_KEYS } from '../../testing/test-gateway.ts'
import { startWholeSystem } from '../../testing/whole-system.ts'
import { seedChats } from '../testing/seed-chat.ts'

/** Two gateways of one database, and a broadcast with its chat. */
export type TwoGateways = AsyncDisposable & {
  readonly origins: readonly [string, string]
  readonly streamId: string
  /** Sessions of those who write. */
  readonly tokens: readonly string[]
  readonly second: GatewayProcess
}

const SETTINGS = {
  INGEST_WORKERS: '0',
  LIVE_WATCHDOG: 'false',
  ALLOW_PRIVATE_NETWORKS: 'true',
  // All clients of the check have one address.
  RATE_LIMIT_READS_PER_MIN: '100000',
}

/** Starts the product, and a second gateway of its database. */
export async function startTwoGateways(writers: number, signal: AbortSignal): Promise<TwoGateways> {
  const folder = await createTemporaryFolder()
  const system = await startWholeSystem(SETTINGS)
  const { databaseUrl } = system
  const [port, rtmpPort] = [await findFreePort(null), await findFreePort(null)]
  const own = { DATA_DIR: folder.path, DATABASE_URL: databaseUrl, RTMP_PORT: String(rtmpPort) }
  const second = await startGatewayProcess({ port, env: { ...TEST_KEYS, ...SETTINGS, ...own }, signal })
  const seeded = { databaseUrl, internalKey: TEST_KEYS.INTERNAL_API_KEY }
  const { streamIds, tokens } = await seedChats(seeded, { chats: 1, writers })
  return {
    streamId: streamIds[0] ?? '',
    tokens,
    origins: [system.gateway().origin, second.origin],
    second,
    async [Symbol.asyncDispose]() {
      await second[Symbol.asyncDispose]()
      await system[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}
