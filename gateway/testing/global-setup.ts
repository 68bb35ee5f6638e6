import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

import { createLog } from '../../shared/log.ts'
import { findFreePort } from '../adapters/free-port.ts'
import { clusterUrl, openCluster } from '../adapters/postgres-cluster.ts'
import { startServer } from '../adapters/postgres-server.ts'
import { connectPostgres, migrate } from '../adapters/postgres.ts'
import { TEMPLATE } from './test-database.ts'

declare module 'vitest' {
  // Merged into vitest's own, so that `inject` knows the type.
  // oxlint-disable-next-line typescript/consistent-type-definitions
  interface ProvidedContext {
    /** The superuser's URL of the run's Postgres. */
    readonly postgresUrl: string
  }
}

/** Data that the run throws away need not survive a crash. */
const FORGETFUL = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  autovacuum: 'off',
}

/** One Postgres for the whole run, with a migrated database that `createTestDatabase` clones. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'tallylight-test-')))
  const cleaner = startCleaner(folder)
  const signal = AbortSignal.timeout(60_000)
  const password = randomUUID()
  const cluster = await openCluster({ dir: join(folder, 'postgres'), password, signal, durable: false })
  const port = await findFreePort(null)
  const server = await startServer(cluster, { port, logFile: join(folder, 'log'), settings: FORGETFUL }, signal)
  const url = clusterUrl(port, password)
  await makeTemplate(url)
  project.provide('postgresUrl', url)
  return async () => {
    cleaner.stdin.end()
    await Promise.all([server.exited, once(cleaner, 'exit')])
  }
}

/** Ends the server and removes the folder once our end of its stdin closes, however this process goes. */
function startCleaner(folder: string) {
  // More than one round where it begins amid the start, with programs that still write there.
  const script = `
    read -r _
    while [ -e "$1" ]; do
      pid=$(head -n 1 "$1/postgres/postmaster.pid") && kill -QUIT "$pid" && while kill -0 "$pid"; do sleep 0.05; done
      rm -rf "$1" || sleep 0.2
    done`
  return spawn('sh', ['-c', script, 'sh', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
}

async function makeTemplate(adminUrl: string): Promise<void> {
  const log = createLog('test-setup', 'warn', console.warn)
  const url = new URL(adminUrl)
  await using admin = connectPostgres(adminUrl, log)
  await admin.sql`create database ${admin.sql(TEMPLATE)}`
  url.pathname = TEMPLATE
  await migrate(url.href, log)
}
