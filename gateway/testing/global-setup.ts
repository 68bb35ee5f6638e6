import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createLog } from '../../shared/log.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { buildClusterUrl, openCluster } from '../adapters/embedded-postgres/cluster.ts'
import { startServer } from '../adapters/embedded-postgres/server.ts'
import { bundleWorker } from '../adapters/process/worker-bundle.ts'
import { connectPostgres, migrate } from '../adapters/postgres/connect.ts'
import { bundleGateway } from './gateway-bundle.ts'
import { TEMPLATE_DATABASE } from './test-database.ts'

declare module 'vitest' {
  // Merged into vitest's own, so that `inject` knows the type.
  // oxlint-disable-next-line typescript/consistent-type-definitions
  interface ProvidedContext {
    /** URL of the run's Postgres, for its superuser. */
    readonly postgresUrl: string
    /** Path of the bundled worker program, built once per run. */
    readonly workerEntry: string
    /** Path of the bundled gateway program, built once per run. */
    readonly gatewayEntry: string
  }
}

/** Test data need not survive a crash. */
const NON_DURABLE_SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  autovacuum: 'off',
}

/**
 * Starts one Postgres for the run, with a migrated template database that `createTestDatabase` copies, and bundles both
 * programs. vitest calls it for each project; the others inherit what the root project provides.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  if (!project.isRootProject()) return async () => {}
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tallylight-test-')))
  const cleaner = startCleaner(folder)
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const password = randomUUID()
  const cluster = await openCluster({ dir: join(folder, 'postgres'), password, signal, durable: false })
  const port = await findFreePort(null)
  const server = await startServer(
    cluster,
    { port, logFile: join(folder, 'log'), settings: NON_DURABLE_SETTINGS },
    signal,
  )
  const url = buildClusterUrl(port, password)
  const [workerEntry] = await Promise.all([bundleWorker(folder), createTemplateDatabase(url)])
  const gatewayEntry = await bundleGateway(folder, workerEntry)
  project.provide('postgresUrl', url)
  project.provide('workerEntry', workerEntry)
  project.provide('gatewayEntry', gatewayEntry)
  return async () => {
    cleaner.stdin.end()
    await Promise.all([server.exited, once(cleaner, 'exit')])
  }
}

/** Starts a process that stops the server and removes the folder once its stdin closes, however the run ends. */
function startCleaner(folder: string) {
  // Loops because programs may still write to the folder when the run ends during its start.
  const script = `
    read -r _
    while [ -e "$1" ]; do
      pid=$(head -n 1 "$1/postgres/postmaster.pid") && kill -QUIT "$pid" && while kill -0 "$pid"; do sleep 0.05; done
      rm -rf "$1" || sleep 0.2
    done`
  return spawn('sh', ['-c', script, 'sh', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
}

async function createTemplateDatabase(adminUrl: string): Promise<void> {
  const log = createLog('test-setup', 'warn', console.warn)
  const url = new URL(adminUrl)
  await using admin = connectPostgres(adminUrl, log)
  await admin.sql`create database ${admin.sql(TEMPLATE_DATABASE)}`
  url.pathname = TEMPLATE_DATABASE
  await migrate(url.href, log)
}
