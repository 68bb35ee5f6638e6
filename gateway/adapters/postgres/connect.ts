import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres, { type Sql } from 'postgres'

import type { Log } from '../../../shared/log.ts'
import { isLockTimeout } from './errors.ts'
import { createPoolPlaces, withPlaces } from './pool-places.ts'
import { createSocketOpener, type SocketLimits } from './socket.ts'
import type { Db } from '../../ports/database.ts'

/** A connection pool: through Drizzle, and as plain postgres.js for statements that Drizzle cannot express. */
export type Postgres = AsyncDisposable & {
  readonly db: Db
  readonly sql: Sql
  /** One connection beside the pool, opened by its first query: for checks that must not wait for others. */
  readonly probe: Sql
}

const POOL_SIZE = 10
const CONNECT_TIMEOUT_SEC = 5
/** Returns a short, constant delay: a query fails fast without a server and works as soon as the server is back. */
const getReconnectDelaySec = () => 0.1
/** postgres.js waits this long in full where a connection broke during a query and was not reused. */
const CLOSE_TIMEOUT_SEC = 1
const STATEMENT_TIMEOUT_MS = 8_000
/** No transaction waits for anything but the database. One whose gateway is cut off must not hold its locks for long. */
const IDLE_TRANSACTION_TIMEOUT_MS = 5000
const POOL_LIMITS: SocketLimits = {
  // Longer than the statement timeout, which a healthy server reports itself.
  answerMs: STATEMENT_TIMEOUT_MS + 1000,
  // NATs and proxies forget connections without traffic after some minutes, some sooner.
  quietMs: 30_000,
}

/**
 * Opens a pool of at most `poolSize` connections, which connects with its first query. No query hangs: without a server, or
 * a free connection, it fails within 5 s with an error for which `isUnavailable` holds.
 */
export function connectPostgres(url: string, log: Log, poolSize = POOL_SIZE): Postgres {
  const open = (max: number) =>
    postgres(url, {
      ...connectionOptions(url, log, POOL_LIMITS),
      max,
      connection: {
        application_name: 'tallylight',
        statement_timeout: STATEMENT_TIMEOUT_MS,
        idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
        TimeZone: 'UTC',
      },
    })
  const [sql, probe] = [open(poolSize), open(1)]
  return {
    db: drizzle(withPlaces(sql, createPoolPlaces(poolSize))),
    sql,
    probe,
    async [Symbol.asyncDispose]() {
      await Promise.all([sql, probe].map((one) => one.end({ timeout: CLOSE_TIMEOUT_SEC })))
    },
  }
}

/** Folder of the migrations that `drizzle-kit generate` writes. */
const MIGRATIONS_DIR = fileURLToPath(new URL('../../../drizzle/migrations', import.meta.url))

/** Key of the advisory lock; an arbitrary number that no other program on the database uses. */
const MIGRATION_LOCK = 7_255_911
const MIGRATION_LOCK_TIMEOUT_MS = 120_000
/**
 * How long a migration waits for a table, in ms, and the pause until it tries again. A query of another gateway that needs
 * the table waits behind it: `pg_dump` holds all tables for minutes.
 */
const TABLE_LOCK_TIMEOUT_MS = 2000
const TABLE_LOCK_PAUSE_MS = 3000
/** An index of a large table takes minutes. */
const LONGEST_MIGRATION_MS = 600_000
const MIGRATION_LIMITS: SocketLimits = { answerMs: LONGEST_MIGRATION_MS, quietMs: LONGEST_MIGRATION_MS }

/**
 * Applies the missing migrations in one transaction. Gateways that start together take turns.
 * @throws Error where a migration fails, or a lock is not available within two minutes
 */
export async function migrate(url: string, log: Log): Promise<void> {
  const sql = postgres(url, {
    ...connectionOptions(url, log, MIGRATION_LIMITS),
    max: 1,
    connection: { application_name: 'tallylight-migrate', lock_timeout: MIGRATION_LOCK_TIMEOUT_MS, TimeZone: 'UTC' },
  })
  try {
    // A session lock, held until `end`: Drizzle creates its own table outside of its transaction.
    await sql`select pg_advisory_lock(${MIGRATION_LOCK})`
    await sql.unsafe(`set lock_timeout = ${TABLE_LOCK_TIMEOUT_MS}`)
    await applyWhenUnlocked(sql)
  } finally {
    await sql.end({ timeout: CLOSE_TIMEOUT_SEC })
  }
}

/** Applies the missing migrations, again where another connection holds a table. */
async function applyWhenUnlocked(sql: Sql): Promise<void> {
  const endMs = performance.now() + MIGRATION_LOCK_TIMEOUT_MS
  for (;;) {
    try {
      return await applyMigrations(drizzle(sql), { migrationsFolder: MIGRATIONS_DIR })
    } catch (error) {
      if (!isLockTimeout(error) || performance.now() > endMs) throw error
    }
    await delay(TABLE_LOCK_PAUSE_MS)
  }
}

function connectionOptions(url: string, log: Log, limits: SocketLimits) {
  return {
    connect_timeout: CONNECT_TIMEOUT_SEC,
    backoff: getReconnectDelaySec,
    onnotice: (notice: postgres.Notice) => log.debug('postgres notice', { notice: notice['message'] }),
    ...boundedSocketOption(url, limits),
  }
}

/** Returns the socket option for one server over TCP; Unix sockets and lists of servers stay with postgres.js. */
function boundedSocketOption(url: string, limits: SocketLimits) {
  const { hostname, port } = URL.canParse(url) ? new URL(url) : { hostname: '', port: '' }
  if (hostname === '') return {}
  const address = { host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port || 5432) }
  return { socket: createSocketOpener(address, limits) }
}
