import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { inject } from 'vitest'

import { findFreePort } from '../../adapters/http/free-port.ts'
import { createLocalProcessLauncher } from '../../adapters/process/launcher.ts'
import type { Launcher } from '../../ports/launcher.ts'
import { findWorkerPids, readParentPid } from '../../testing/find-processes.ts'
import { startTcpProxy, type TcpProxy } from '../../testing/tcp-proxy.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { createApiCalls, startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'

/** Two gateways, and real workers that outlive them, as Pods do. Everyone reaches the gateways through one address. */
export type LiveStage = AsyncDisposable & {
  /** Address of the Service: a new connection is led to a gateway that is ready. */
  readonly url: string
  readonly api: TestGateway['api']
  readonly database: TestDatabase
  /** The way of the gateways to the database. */
  readonly databaseRoute: TcpProxy
  /** Folder of the store. */
  readonly storeDir: string
  /** The lines that the workers have logged. */
  readonly workerLines: readonly string[]
  /** Returns the lines that the gateways of the stage have logged as errors. */
  gatewayErrors(): readonly string[]
  /** Returns the pids of the stage's own workers of an assignment. Other tests have an `ingest-0`, too. */
  workerPids(assignmentId: string): readonly number[]
  /** Replaces a gateway by a new one, as a rolling update does. */
  replaceGateway(): Promise<void>
}

export type LiveStageOptions = {
  /** Returns the launcher of the stage; `createLauncher` makes one whose workers are processes of this machine. */
  readonly openLauncher?: (createLauncher: () => Launcher) => Launcher
}

/** Starts the stage with further settings. */
export async function startLiveStage(
  env: Readonly<Record<string, string>> = {},
  { openLauncher = (createLauncher) => createLauncher() }: LiveStageOptions = {},
): Promise<LiveStage> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-stage-'))
  const database = await createTestDatabase()
  const databaseUrl = new URL(database.url)
  const databaseRoute = await startTcpProxy(() => Number(databaseUrl.port))
  const routed = { ...database, url: Object.assign(new URL(databaseUrl), { port: String(databaseRoute.port) }).href }
  const gateways: TestGateway[] = []
  const isClosing = new Set<TestGateway>()
  const service = await startService(() => gateways.filter((gateway) => !isClosing.has(gateway)))
  const url = `http://127.0.0.1:${service.port}`
  const workerLines: string[] = []
  const errors: (readonly string[])[] = []
  const launcher = openLauncher(() => createLoggingLauncher(workerLines))
  const settings = {
    GATEWAY_URL: url,
    STORAGE_DIR: join(dir, 'store'),
    INGEST_WORKERS: '1',
    RTMP_PORT: String(await findFreePort(null)),
    ...env,
  }
  const start = async () => {
    const gateway = await startTestGateway({ env: settings, launcher: outlive(launcher), database: routed })
    errors.push(gateway.errors)
    gateways.push(gateway)
  }
  await start()
  await start()
  return {
    url,
    api: createApiCalls(url).api,
    database,
    databaseRoute,
    storeDir: join(dir, 'store'),
    workerLines,
    gatewayErrors: () => errors.flat(),
    workerPids: (assignmentId) => findWorkerPids(assignmentId).filter((pid) => readParentPid(pid) === process.pid),
    async replaceGateway() {
      const [old] = gateways
      await start()
      if (old === undefined) return
      isClosing.add(old)
      await old.gateway.close()
      gateways.splice(gateways.indexOf(old), 1)
    },
    async [Symbol.asyncDispose]() {
      await launcher.close(1000)
      for (const gateway of gateways) await gateway[Symbol.asyncDispose]()
      await service[Symbol.asyncDispose]()
      await databaseRoute[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Starts the address of gateways that are ready: each connection is led to the next one. */
function startService(listReady: () => readonly TestGateway[]): Promise<TcpProxy> {
  let turn = 0
  return startTcpProxy(() => {
    const ready = listReady()
    return Number(new URL(ready[turn++ % ready.length]?.url ?? '').port)
  })
}

/** Creates a launcher whose workers are processes of this machine, and log to `lines`. */
function createLoggingLauncher(lines: string[]): Launcher {
  return createLocalProcessLauncher({ writeLine: (line) => void lines.push(line), entry: inject('workerEntry') })
}

/** Returns a launcher whose workers go on when their gateway ends. */
function outlive(launcher: Launcher): Launcher {
  return { ...launcher, outlivesGateway: true, close: async () => undefined }
}
