import { fileURLToPath } from 'node:url'

import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres, { type Sql } from 'postgres'

import type { Log } from '../../shared/log.ts'
import type { Db } from '../context.ts'
import { connectBounded } from './postgres-socket.ts'

/** A pool of connections: through Drizzle, and bare for what Drizzle has no words for. */
export type Postgres = AsyncDisposable & { readonly db: Db; readonly sql: Sql }

const POOL_SIZE = 10
const CONNECT_WITHIN_SEC = 5
/** A pool that meets a dead server asks again soon: a query fails fast, and works as soon as the server is back. */
const reconnectAfterSec = () => 0.1
/** postgres.js waits all of it where a connection broke under a query and was not needed since. */
const CLOSE_WITHIN_SEC = 1
const STATEMENT_TIMEOUT_MS = 8_000
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000
/** Later than the statement's time-out, which a server that lives answers with. */
const SILENCE_MS = STATEMENT_TIMEOUT_MS + 1000

/**
 * Opens a pool; connections come with the first queries. No query hangs: without a server it fails within 5 s, see
 * `isUnavailable`.
 */
export function connectPostgres(url: string, log: Log): Postgres {
  const sql = postgres(url, {
    ...connectionOptions(url, log),
    max: POOL_SIZE,
    connection: {
      application_name: 'tallylight',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
      TimeZone: 'UTC',
    },
  })
  return { db: drizzle(sql), sql, [Symbol.asyncDispose]: () => sql.end({ timeout: CLOSE_WITHIN_SEC }) }
}

/** Where the migrations lie that `drizzle-kit generate` writes. */
const MIGRATIONS_DIR = fileURLToPath(new URL('../../drizzle/migrations', import.meta.url))

/** Any number that no other program on the database takes a lock under. */
const MIGRATION_LOCK = 7_255_911
const MIGRATION_LOCK_WITHIN_MS = 120_000

/** Applies the migrations that are missing, in one transaction, one gateway at a time. Throws where one fails. */
export async function migrate(url: string, log: Log): Promise<void> {
  const sql = postgres(url, {
    ...connectionOptions(url, log),
    max: 1,
    connection: { application_name: 'tallylight-migrate', lock_timeout: MIGRATION_LOCK_WITHIN_MS, TimeZone: 'UTC' },
  })
  try {
    // Held by the session, and so until `end`: Drizzle makes its own table outside of its transaction.
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`
    await applyMigrations(drizzle(sql), { migrationsFolder: MIGRATIONS_DIR })
  } finally {
    await sql.end({ timeout: CLOSE_WITHIN_SEC })
  }
}

function connectionOptions(url: string, log: Log) {
  return {
    connect_timeout: CONNECT_WITHIN_SEC,
    backoff: reconnectAfterSec,
    onnotice: (notice: postgres.Notice) => log.debug('postgres notice', { notice: notice['message'] }),
    ...boundedSocket(url),
  }
}

/** For one server by TCP; sockets of the file system and lists of servers stay with postgres.js. */
function boundedSocket(url: string) {
  const { hostname, port } = URL.canParse(url) ? new URL(url) : { hostname: '', port: '' }
  if (hostname === '') return {}
  const address = { host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port || 5432) }
  return { socket: () => connectBounded(address, SILENCE_MS) }
}
