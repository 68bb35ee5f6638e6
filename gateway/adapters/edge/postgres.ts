import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'

import journal from '../../../drizzle/migrations/meta/_journal.json' with { type: 'json' }
import type { Log } from '../../../shared/log.ts'
import { isRetryable, isUnavailable } from '../postgres/errors.ts'
import type { Db } from '../../ports/database.ts'

export type RequestPostgres = AsyncDisposable & { readonly db: Db; readonly sql: Sql }

/** One per request, since many requests may be open. It pipelines queries; a transaction must not wait for another query. */
const MAX_CONNECTIONS = 1
const CONNECT_WITHIN_SEC = 5
/** An invocation that waits until the next webhook is due releases its connection. */
const IDLE_SEC = 1
const CLOSE_WITHIN_SEC = 1
const STATEMENT_TIMEOUT_MS = 8_000
const IDLE_TRANSACTION_TIMEOUT_MS = 15_000

/**
 * Opens a connection for one request or one run of the scheduler, because a fetch runtime ties a socket to the request
 * that opened it. It connects with the first query; without a server a query fails within 5 s.
 */
export function connectForRequest(url: string, log: Log): RequestPostgres {
  const sql = postgres(url, {
    max: MAX_CONNECTIONS,
    connect_timeout: CONNECT_WITHIN_SEC,
    idle_timeout: IDLE_SEC,
    backoff: () => 0.1,
    // Drizzle knows the types; reading them would cost each request a round trip.
    fetch_types: false,
    onnotice: (notice) => log.debug('postgres notice', { notice: notice['message'] }),
    connection: {
      application_name: 'tallylight-edge',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
      TimeZone: 'UTC',
    },
  })
  return { db: drizzle(sql), sql, [Symbol.asyncDispose]: () => sql.end({ timeout: CLOSE_WITHIN_SEC }) }
}

/** Returns whether an error means that the database is unreachable now, or that a transaction lost too many conflicts. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return isUnavailable(error) || isRetryable(error) || isSocketError(error)
}

/** Messages of workerd for a socket that cannot be opened or breaks; these errors have no code. */
const SOCKET_ERROR = /^(?:proxy request failed|Network connection lost)/

function isSocketError(error: unknown): boolean {
  return error instanceof Error && (SOCKET_ERROR.test(error.message) || isSocketError(error.cause))
}

/** Creation time of the newest migration in this build, in ms. Drizzle stores it with each applied migration. */
const NEWEST_MIGRATION = Math.max(...journal.entries.map(({ when }) => when))

/** undefined_table and invalid_schema_name: no migration has been applied to this database. */
const MISSING_JOURNAL = /^(?:42P01|3F000)$/

/** Returns why the tables cannot be used, or `null`. A fetch runtime cannot apply migrations itself. */
export async function findSchemaProblem(sql: Sql): Promise<string | null> {
  const [row] = await sql<{ applied: string | null }[]>`
    select max(created_at)::text as applied from drizzle.__drizzle_migrations`.catch(emptyWhereJournalIsMissing)
  return Number(row?.applied ?? 0) >= NEWEST_MIGRATION
    ? null
    : 'its tables are missing or older than this gateway, which cannot create them: run the migration job first'
}

function emptyWhereJournalIsMissing(error: unknown): [] {
  if (error instanceof postgres.PostgresError && MISSING_JOURNAL.test(error.code)) return []
  throw error
}
